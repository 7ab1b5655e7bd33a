namespace Stun.Server.Core;

/// <summary>How much of behaviour discovery (RFC 5780) a server can offer.</summary>
internal enum DiscoveryOffer
{
    /// <summary>Nothing: its attributes are unknown.</summary>
    None,

    /// <summary>Answers from another port of the same address, to another port of whoever asks, and with padding.</summary>
    OtherPort,

    /// <summary>All of it.</summary>
    Full,
}
