namespace Relay.Protocol.Disco;

/// <summary>The types of message inside a disco envelope. A message is its type (8 bits), a version (8 bits, 0) and its body.</summary>
public enum DiscoMessageType : byte
{
    /// <summary>A connectivity check: <see cref="DiscoPing"/>.</summary>
    Ping = 1,

    /// <summary>Its answer: <see cref="DiscoPong"/>.</summary>
    Pong = 2,

    /// <summary>Where the sender may be reached; by relay only: <see cref="CallMeMaybe"/>.</summary>
    CallMeMaybe = 3,

    /// <summary>Ours: who the sender is since its start; by relay only, sealed between node keys: <see cref="Hello"/>.</summary>
    Hello = 0x40,

    /// <summary>Ours: where the sender may be reached, and how it knows; by relay only: <see cref="AnnouncedCandidates"/>.</summary>
    Candidates = 0x41,

    /// <summary>Ours: how and when both ends make a hole; by relay only: <see cref="Disco.PunchingPlan"/>.</summary>
    PunchingPlan = 0x42,
}
