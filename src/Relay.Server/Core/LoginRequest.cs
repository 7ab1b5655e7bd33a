using Addresses;
using Relay.Protocol;
using Relay.Protocol.Handshake;

namespace Relay.Server.Core;

/// <summary>A client that has proven its key and asks to be let in.</summary>
/// <param name="Key">The client's key.</param>
/// <param name="Info">What the client said of itself.</param>
/// <param name="Remote">Where it comes from.</param>
internal sealed record LoginRequest(NodeKey Key, ClientInfo Info, TransportAddress Remote)
{
    /// <summary>The token that the client showed; null where it showed none. No text form of a request may hold it.</summary>
    public string? Token { get; init; }

    public override string ToString() => $"{Key} from {Remote}";
}
