using Addresses;
using Node.Traversal.Core.Netcheck;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class LinuxRoutesTests
{
    private const string Header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    private const string Wired = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
    private const string Wireless = "wlan0\t00000000\t0201A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0";

    [Fact]
    public void The_default_route_with_the_lowest_metric_names_the_gateway() =>
        Assert.Equal(Address("192.168.1.1:0"), LinuxRoutes.FindIpv4Gateway([Header, Wireless, Wired]));

    [Theory]
    [InlineData("")]
    [InlineData("eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0")] // The LAN itself.
    [InlineData("wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0")] // A tunnel: it has no gateway.
    [InlineData("wg0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0")] // Half of all addresses.
    [InlineData("eth0\t00000000\tgateway\t0003\t0\t0\t100\t00000000\t0\t0\t0")]
    public void Other_routes_name_none(string line) => Assert.Equal(default(TransportAddress), LinuxRoutes.FindIpv4Gateway([Header, line]));

    [Fact]
    public void The_IPv6_gateway_comes_with_its_interface()
    {
        const string Zero = "00000000000000000000000000000000";
        string[] lines =
        [
            $"20010db8000100000000000000000000 40 {Zero} 00 {Zero} 00000100 00000001 00000000 00000001     eth0",
            $"{Zero} 00 {Zero} 00 fe800000000000000000000000000002 00000400 00000001 00000000 00000003    wlan0",
            $"{Zero} 00 {Zero} 00 fe800000000000000000000000000001 00000100 00000001 00000000 00000003     eth0",
            $"{Zero} 00 {Zero} 00 {Zero} ffffffff 00000001 00000000 00200200       lo",
            "nonsense",
        ];

        Assert.Equal((Address("[fe80::1]:0"), "eth0"), LinuxIpv6Routes.FindGateway(lines));
    }
}
