using Node.Traversal.Core.Links;

namespace Node.Traversal.Tests.Core.Links;

public class LinuxLinksTests
{
    private const string Header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
    private const string Default = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0";
    private const string Local = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0";
    private const string ArpHeader = "IP address       HW type     Flags       HW address            Mask     Device";
    private const string Arp = "192.168.1.1      0x1         0x2         02:00:00:00:00:01     *        eth0";

    private const string Zero = "00000000000000000000000000000000";
    private const string Ipv6Local = "fe800000000000000000000000000000 40 " + Zero + " 00 " + Zero + " 00000100 00000001 00000000 00000001     eth0";
    private const string Rejected = Zero + " 00 " + Zero + " 00 " + Zero + " ffffffff 00000001 00000000 00200200       lo";

    [Fact]
    public void An_ipv4_router_names_a_link_with_its_link_layer_address_and_never_without()
    {
        (string Interface, ushort Id) link = Assert.Single(LinuxLinks.Names([Header, Default, Local], [ArpHeader, Arp], []));

        Assert.Equal("eth0", link.Interface);
        Assert.Empty(LinuxLinks.Names([Header, Default, Local], [ArpHeader], []));
        Assert.Empty(LinuxLinks.Names([Header, Default, Local], [ArpHeader, Arp.Replace("eth0", "eth1")], []));
        Assert.NotEqual(link.Id, Assert.Single(LinuxLinks.Names([Header, Default], [Arp.Replace(":01", ":02")], [])).Id);
        Assert.Equal(link.Id, Assert.Single(LinuxLinks.Names([Header, Default.Replace("eth0", "wlan7")], [Arp.Replace("eth0", "wlan7")], [])).Id); // Its name there, its metric and our prefix say nothing.
    }

    [Fact]
    public void An_ipv6_router_names_a_link_by_its_own_address_whatever_prefixes_there_are()
    {
        string route = Router("fe8000000000000002005efffe000001");

        ushort id = Assert.Single(LinuxLinks.Names([], [], [Rejected, Ipv6Local, route])).Id;

        Assert.Equal(id, Assert.Single(LinuxLinks.Names([], [], [OnLink("20010db8000100020000000000000000"), route])).Id);
        Assert.NotEqual(id, Assert.Single(LinuxLinks.Names([], [], [Router("fe8000000000000002005efffe000002")])).Id);
    }

    [Theory]
    [InlineData("20010db8000100020000000000000000", true)] // A global prefix,
    [InlineData("fd12345678900001 0000000000000000", true)] // one drawn at random,
    [InlineData("fd000000000000000000000000000000", false)] // and one that was not.
    [InlineData("fe800000000000000000000000000000", false)]
    [InlineData("ff000000000000000000000000000000", false)]
    public void A_router_whose_address_was_set_by_hand_names_a_link_only_with_a_prefix_of_its_own(string prefix, bool isNamed)
    {
        string route = Router("fe800000000000000000000000000001");
        Assert.Empty(LinuxLinks.Names([], [], [Ipv6Local, route]));

        Assert.Equal(isNamed ? 1 : 0, LinuxLinks.Names([], [], [Ipv6Local, route, OnLink(prefix.Replace(" ", ""))]).Count());
        Assert.Empty(LinuxLinks.Names([], [], [route, OnLink(prefix.Replace(" ", "")).Replace("eth0", "eth1")]));
    }

    [Fact]
    public void A_link_without_a_router_has_no_name_and_nonsense_names_none()
    {
        Assert.Empty(LinuxLinks.Names([Header, Local], [ArpHeader, Arp], [Ipv6Local, Rejected]));
        Assert.Empty(LinuxLinks.Names(["", "x", "\t\t\t"], ["", "a b c"], ["", "zz", Ipv6Local[..40], Ipv6Local.Replace("fe80", "gg80"), Router("00000000000000000000000000000000")]));
    }

    [Fact]
    public void A_table_of_thousands_of_routers_is_looked_at_a_little()
    {
        string[] routes = [.. Enumerable.Range(0, 20_000).Select(i => Router($"fe8000000000000002005efffe{i:x6}"))];

        Assert.Equal(16, LinuxLinks.Names([], [], routes).Count());
    }

    private static string Router(string address) => Zero + " 00 " + Zero + " 00 " + address + " 00000400 00000001 00000000 00000003     eth0";

    private static string OnLink(string prefix) => prefix + " 40 " + Zero + " 00 " + Zero + " 00000100 00000001 00000000 00000001     eth0";
}
