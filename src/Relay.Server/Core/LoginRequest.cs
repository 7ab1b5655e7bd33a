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
    /// <summary>What the token says that the client showed, good or not; null where it showed none.</summary>
    public TokenGrant? Token { get; init; }

    public override string ToString() => $"{Key} from {Remote}";
}
