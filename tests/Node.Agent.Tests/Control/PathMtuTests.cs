using Addresses;
using Node.Agent.Control;
using Node.Traversal;
using Relay.Protocol;

namespace Node.Agent.Tests.Control;

public sealed class PathMtuTests
{
    private static readonly TransportAddress Ipv4 = Parse("198.51.100.1:1");
    private static readonly TransportAddress Ipv6 = Parse("[2001:db8::1]:1");

    [Fact]
    public void What_fits_needs_no_advice()
    {
        Assert.Null(PathMtu.Advise("wg0", 1420, []));
        Assert.Null(PathMtu.Advise("wg0", 1420, [(Ipv6, 1500), (Ipv4, 1500)]));
        Assert.Null(PathMtu.Advise("wg0", 1440, [(Ipv4, 1500)]));
    }

    [Fact]
    public void The_narrowest_way_decides()
    {
        Assert.Contains("mtu 1420", PathMtu.Advise("wg0", 1440, [(Ipv4, 1500), (Ipv6, 1500)]), StringComparison.Ordinal);
        Assert.Contains("mtu 1220", PathMtu.Advise("wg0", 1420, [(Ipv4, 1280), (Ipv6, 1500)]), StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_found_narrows_what_the_kernel_knows()
    {
        Assert.Equal(1400, PathMtu.Narrower(1500, 1400));
        Assert.Equal(1280, PathMtu.Narrower(1280, 1400));
        Assert.Equal(9000, PathMtu.Narrower(9000, 1500)); // The longest that is asked for: it may carry more.
        Assert.Equal(1400, PathMtu.Narrower(null, 1400));
        Assert.Null(PathMtu.Narrower(null, null));
    }

    [Fact]
    public void Each_path_that_is_too_narrow_is_named_once()
    {
        PathMtuWarnings warnings = new();
        PeerStatus narrow = Peer(1, Ipv4, 1400);
        PeerStatus wide = Peer(2, Ipv6, 1500);
        PeerStatus unknown = Peer(3, Ipv6, null);

        Assert.Equal("wg0 has 1420, but only 1340 fit into the 1400 bytes of the way to 198.51.100.1:1: ip link set wg0 mtu 1340", Assert.Single(warnings.Take("wg0", 1420, [narrow, wide, unknown])));
        Assert.Empty(warnings.Take("wg0", 1420, [narrow, wide, unknown]));
        Assert.Empty(warnings.Take("wg0", 1340, [Peer(4, Ipv4, 1400)]));
        Assert.Single(warnings.Take("wg0", 1420, [narrow with { Endpoint = Ipv6 }]));

        static PeerStatus Peer(byte key, TransportAddress endpoint, int? mtu)
        {
            byte[] bytes = new byte[NodeKey.Length];
            bytes[0] = key;
            return new PeerStatus { PublicKey = new NodeKey(bytes), Path = PathKind.Direct, Endpoint = endpoint, PathMtu = mtu, Since = default };
        }
    }

    [Fact]
    public void The_kernel_knows_the_way_to_this_machine() => Assert.InRange(PathMtu.To(Parse("127.0.0.1:9"), mark: 0)!.Value, 1280, 1 << 20);

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
