using Addresses;
using Node.Traversal.Core;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class LocalAddressesTests
{
    [Fact]
    public void The_way_out_comes_first_then_other_networks_then_what_is_inside_the_machine()
    {
        Assert.Equal(
            ["192.168.178.20", "[2001:db8:1::20]", "192.168.0.7", "10.8.0.2", "172.17.0.1", "172.18.0.1"],
            Sort(
                [new("br-0123456789ab", Of("172.18.0.1")), new("docker0", Of("172.17.0.1")), new("tun0", Of("10.8.0.2")), new("wlan0", Of("192.168.0.7")), new("eth0", Of("192.168.178.20")), new("eth0", Of("[2001:db8:1::20]"))],
                "192.168.178.20", "[2001:db8:1::20]"));
    }

    [Fact]
    public void A_bridge_or_tunnel_by_which_the_world_is_reached_is_no_less_than_an_interface() =>
        Assert.Equal(["10.8.0.2", "192.168.0.7"], Sort([new("wlan0", Of("192.168.0.7")), new("tun0", Of("10.8.0.2"))], "10.8.0.2"));

    [Fact]
    public void The_address_that_leaves_comes_before_the_others_of_its_interface_and_family() =>
        Assert.Equal(
            ["192.168.178.20", "[2001:db8:1::ffff]", "[2001:db8:1::1]", "[2001:db8:1::2]"],
            Sort([new("eth0", Of("[2001:db8:1::1]")), new("eth0", Of("[2001:db8:1::2]")), new("eth0", Of("[2001:db8:1::ffff]")), new("eth0", Of("192.168.178.20"))], "[2001:db8:1::ffff]"));

    [Fact]
    public void An_interface_with_many_addresses_does_not_keep_others_out()
    {
        LocalAddress[] many = [.. Enumerable.Range(1, 50).Select(i => new LocalAddress("eth1", Of($"10.0.0.{i}")))];

        Assert.Equal(["10.0.0.1", "192.168.0.7", "10.0.0.2"], Sort([.. many, new("eth2", Of("192.168.0.7"))]).Take(3));
    }

    [Fact]
    public void An_address_on_two_interfaces_is_named_once_and_no_way_out_is_no_harm() =>
        Assert.Equal(["192.168.0.7"], Sort([new("eth0", Of("192.168.0.7")), new("docker0", Of("192.168.0.7"))]));

    private static IEnumerable<string> Sort(LocalAddress[] addresses, params string[] waysOut) =>
        LocalAddresses.InOrder(addresses, [.. waysOut.Select(Of)]).Select(address => address.ToString()[..^":0".Length]);

    private static TransportAddress Of(string address) => Address($"{address}:0");
}
