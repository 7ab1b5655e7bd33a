using Addresses;
using Relay.Protocol;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Timing;

namespace Fuzz;

/// <summary>A relay's core with one client, fed as a network feeds it: in pieces, what was not consumed first.</summary>
internal sealed class RelaySession
{
    private static readonly NodeKeyPair Server = NodeKeyPair.FromPrivateKey(Convert.FromHexString("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    private static readonly MeshSecret? Secret = MeshSecret.TryParse(new string('a', 2 * MeshSecret.Length), out MeshSecret? secret) ? secret : null;
    private static readonly TrustedProxies Proxies = new(IpPrefix.TryParse("127.0.0.0/8", out IpPrefix loopback) ? [loopback] : []);
    private static readonly Instant Now = Instant.Origin + TimeSpan.FromSeconds(100);

    private readonly HashSet<ClientConnection> _woken = [];
    private static readonly byte[] Output = new byte[1 << 20]; // Nobody looks at it.

    public RelaySession()
    {
        RelayIdentity identity = new(Server, destination => destination.Fill(7)) { IsOpenToAll = true, MeshSecret = Secret, TrustedProxies = Proxies };
        Router = new PacketRouter(new RelayCounters());
        Client = new ClientConnection(identity, Router, Now) { Remote = TransportAddress.FromIpv4(0x7f000001, 1) };
    }

    public PacketRouter Router { get; }

    public ClientConnection Client { get; }

    /// <summary>Begins behind the head, and logs in; as another relay of the region where it is to be.</summary>
    public void LogIn(bool isMeshPeer)
    {
        Client.BeginWithoutHead(token: null, isNotIdeal: false, Now);
        byte[] login = isMeshPeer ? MeshLogin : Login;
        FuzzException.Unless(Client.Receive(login.ToArray(), Now, _woken) == login.Length && Client.Phase == ConnectionPhase.Open, "The login does not go well.");
    }

    /// <summary>Feeds all of the input.</summary>
    /// <param name="input">What the client sends.</param>
    /// <param name="pieceLength">How much of it comes at once.</param>
    public void Feed(ReadOnlySpan<byte> input, int pieceLength)
    {
        byte[] held = [];
        while (!input.IsEmpty && Client.Phase is not (ConnectionPhase.Closed or ConnectionPhase.OtherHttp))
        {
            int length = Math.Min(pieceLength, input.Length);
            held = [.. held, .. input[..length]];
            input = input[length..];
            int consumed = Client.Receive(held, Now, _woken);
            FuzzException.Unless(consumed >= 0 && consumed <= held.Length, "More consumed than there is.");
            held = held[consumed..];
            FuzzException.Unless(held.Length <= ClientConnection.MaxInputLength || Client.Phase == ConnectionPhase.OtherHttp, "More held than is ever needed.");
        }
    }

    /// <summary>Ends the connection: nothing of it may stay.</summary>
    public void End()
    {
        Client.Queue.Take(Output, Now);
        Client.Close(CloseReason.ClientLeft, _woken);
        FuzzException.Unless(Router.KeyCount == 0, "A client that has left is still here.");
    }

    private static readonly NodeKeyPair Own = NodeKeyPair.FromPrivateKey(Convert.FromHexString("0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60"));
    private static readonly byte[] Login = new ClientInfo().ToFrame(Own, Server.PublicKey, new byte[Box.NonceLength]);
    private static readonly byte[] MeshLogin = new ClientInfo { MeshKey = Secret?.ToMeshKey() }.ToFrame(Own, Server.PublicKey, new byte[Box.NonceLength]);
}
