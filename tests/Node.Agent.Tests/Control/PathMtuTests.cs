using Addresses;
using Node.Agent.Control;

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
    public void The_kernel_knows_the_way_to_this_machine() => Assert.InRange(PathMtu.To(Parse("127.0.0.1:9"), mark: 0)!.Value, 1280, 1 << 20);

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
