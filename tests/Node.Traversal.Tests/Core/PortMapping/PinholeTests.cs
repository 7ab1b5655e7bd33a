using Node.Traversal.Core.PortMapping;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>Pinholes in an IPv6 gateway's firewall: by PCP, and by UPnP.</summary>
public class PinholeTests
{
    [Fact]
    public void PCP_makes_one_for_our_own_address()
    {
        SimGateway gateway = new(isIpv6: true);
        gateway.Connect();

        Assert.Equal(SimGateway.Local6, gateway.Mapper.Mapped);
        byte[] map = gateway.Maps.Single();
        Assert.Equal(Convert.FromHexString("20010db8000100000000000000000010"), map[8..24]);
        Assert.All(map[44..60], zero => Assert.Equal(0, zero)); // No suggestion, in the wanted family (RFC 6887 §11.1).
        Assert.All(gateway.Received, request => Assert.Equal(2, request[0])); // NAT-PMP knows no IPv6.
        Assert.Null(gateway.Mapper.Status.NatPmp);
        gateway.Mapper.HandleRelease();
        gateway.Exchange();
        Assert.True(SimGateway.IsDeletion(gateway.Maps.Last()));
    }

    [Fact]
    public void UPnP_makes_one_renews_it_and_takes_it_back()
    {
        SimGateway gateway = Connected();

        Assert.Equal(SimGateway.Local6, gateway.Mapper.Mapped);
        Assert.Equal(["2001:db8:1::10 5000 17 7200"], gateway.Igd.Pinholes.Values);
        Assert.All(gateway.Igd.Requests, request => Assert.Equal(SimGateway.Gateway6.WithPort(5000), request.Endpoint));
        Assert.Contains(gateway.Searches, search => search.Destination == Address("[ff02::c]:1900"));
        gateway.Pass(TimeSpan.FromMinutes(65));
        Assert.Equal((1, 1), (gateway.Igd.CountOf("AddPinhole"), gateway.Igd.CountOf("UpdatePinhole")));
        gateway.Mapper.HandleRelease();
        gateway.Exchange();
        Assert.Empty(gateway.Igd.Pinholes);
    }

    [Fact]
    public void One_that_the_gateway_has_forgotten_is_made_again_within_a_minute()
    {
        SimGateway gateway = Connected();
        gateway.Igd.Pinholes.Clear();

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.Single(gateway.Igd.Pinholes);
        Assert.Equal(SimGateway.Local6, gateway.Mapper.Mapped);
    }

    [Theory]
    [InlineData(false, true, "its IPv6 firewall is off: there is nothing to open")]
    [InlineData(true, false, "it allows no pinholes")]
    public void A_firewall_that_is_off_or_shut_is_told_and_nothing_is_asked_of_it(bool isOn, bool allows, string told)
    {
        SimGateway gateway = Connected(igd => (igd.IsFirewallOn, igd.AllowsPinholes) = (isOn, allows));

        Assert.Equal(PortMappingState.NotMapped, gateway.Mapper.Status.State);
        Assert.Equal(told, gateway.Mapper.Status.Upnp?.Problem);
        Assert.Equal(0, gateway.Igd.CountOf("AddPinhole"));
    }

    [Fact]
    public void A_gateway_without_that_service_is_told_to_have_none()
    {
        SimGateway gateway = Connected(igd => igd.Services[0] = (SimIgd.Connection2, "/ctl"));

        Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Upnp?.Answer);
    }

    [Fact]
    public void An_address_of_the_other_family_is_no_pinhole()
    {
        SimGateway gateway = new(isIpv6: true) { External = Address("198.51.100.7:5000") };
        gateway.Connect();

        Assert.False(gateway.Mapper.Mapped.IsValid);
    }

    private static SimGateway Connected(Action<SimIgd>? configure = null)
    {
        SimGateway gateway = new(isIpv6: true) { HasPcp = false };
        gateway.Igd.IsOn = true;
        gateway.Igd.Services[0] = (SimIgd.Firewall, "/ctl/IP6FCtl");
        configure?.Invoke(gateway.Igd);
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));
        return gateway;
    }
}
