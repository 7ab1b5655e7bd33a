using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Tests.Core.Netcheck;

public class NetworkFingerprintTests
{
    private const string Header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    private const string Default = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
    private const string Local = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0";
    private const string ArpHeader = "IP address       HW type     Flags       HW address            Mask     Device";
    private const string Arp = "192.168.1.1      0x1         0x2         02:00:00:00:00:01     *        eth0";

    private static readonly NetworkFingerprint Known = LinuxRoutes.Fingerprint([Header, Default, Local], [ArpHeader, Arp]);

    [Fact]
    public void A_network_is_named_by_its_gateway_its_link_address_and_its_prefix()
    {
        Assert.True(Known.IsKnown);
        Assert.Equal(32, Known.Text.Length);
        Assert.Equal(NetworkFingerprint.Of(CoreTesting.Address("192.168.1.1:0"), "02:00:00:00:00:01", Addresses.IpPrefix.TryParse("192.168.1.0/24", out Addresses.IpPrefix prefix) ? prefix : null), Known);
    }

    [Fact]
    public void Routes_that_do_not_concern_the_gateway_change_nothing()
    {
        string[] routes = [Header, "wg0\t00000A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0", "eth1\t00000000\t0102A8C0\t0003\t0\t0\t200\t00000000\t0\t0\t0", Local, Default, "nonsense", ""];

        Assert.Equal(Known, LinuxRoutes.Fingerprint(routes, [ArpHeader, "192.168.1.1 0x1 0x2 02:00:00:00:00:09 * eth9", Arp]));
    }

    [Theory]
    [InlineData("192.168.1.1 0x1 0x2 02:00:00:00:00:02 * eth0")]
    [InlineData("192.168.1.1 0x1 0x0 00:00:00:00:00:00 * eth0")]
    [InlineData("192.168.1.2 0x1 0x2 02:00:00:00:00:01 * eth0")]
    public void Another_gateway_of_the_same_address_is_another_network(string neighbour)
    {
        NetworkFingerprint other = LinuxRoutes.Fingerprint([Header, Default, Local], [ArpHeader, neighbour]);

        Assert.True(other.IsKnown);
        Assert.NotEqual(Known, other);
    }

    [Fact]
    public void Without_a_gateway_no_network_is_named()
    {
        Assert.False(LinuxRoutes.Fingerprint([Header, Local], []).IsKnown);
        Assert.False(LinuxRoutes.Fingerprint([], []).IsKnown);
        Assert.Equal("unknown", NetworkFingerprint.None.ToString());
    }
}
