using Addresses;
using Node.Traversal.Core.PortMapping;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>Mappings by UPnP, with routers as they are: honest, old, and odd.</summary>
public class UpnpTests
{
    private static readonly TransportAddress Mapped = Address("198.51.100.7:5000");

    [Fact]
    public void A_router_that_speaks_only_UPnP_is_searched_for_described_and_mapped()
    {
        SimGateway gateway = Connected();

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal(["GetExternalIPAddress", "AddPortMapping"], gateway.Igd.Actions);
        Assert.Equal(("192.168.1.10", "7200"), gateway.Igd.Mappings["5000"]);
        Assert.Equal(PortMappingProtocols.Upnp, gateway.Mapper.Status.Offered);
        Assert.Equal(TimeSpan.FromHours(2), gateway.Mapper.Status.Upnp?.Lifetime);
        Assert.Contains(gateway.Searches, search => search.Destination == Address("239.255.255.250:1900"));
        Assert.Contains(gateway.Searches, search => search.Destination == Address("192.168.1.1:1900"));
        Assert.All(gateway.Igd.Requests, request => Assert.Equal(Address("192.168.1.1:5000"), request.Endpoint));
    }

    [Fact]
    public void Searches_are_repeated_and_silence_is_told()
    {
        SimGateway gateway = Connected(igd => igd.IsOn = false);

        Assert.Equal(PortMappingAnswer.Silent, gateway.Mapper.Status.Upnp?.Answer);
        int searches = gateway.Searches.Count;
        Assert.Equal(4 * 6, searches); // At 0, 0.5, 1.5 and 3.5 s; to the group and to the gateway, three targets each.
        gateway.Pass(TimeSpan.FromHours(3));
        Assert.InRange(gateway.Searches.Count - searches, 6, 25 * 6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(503)]
    public void A_description_that_does_not_come_is_asked_for_once_more(int status)
    {
        SimGateway gateway = Connected(igd => (igd.LostDescriptions, igd.LostStatus) = (1, status));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void Where_one_description_of_two_does_not_come_it_is_told_what_the_other_s_service_says()
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.DeadLocation = "http://192.168.1.1:5000/dead.xml";
            igd.FailAdding(728);
        });

        Assert.Equal("it refused: no more mappings (728)", gateway.Mapper.Status.Upnp?.Problem);
        Assert.Equal(2, gateway.Igd.Requests.Count(request => request.Action is null)); // And nothing is searched for again.
    }

    [Fact]
    public void One_that_never_comes_is_told_and_asked_for_later()
    {
        SimGateway gateway = Connected(igd => igd.LostDescriptions = 2);

        Assert.Equal(PortMappingAnswer.Refused, gateway.Mapper.Status.Upnp?.Answer);
        Assert.Equal("it did not send its UPnP description", gateway.Mapper.Status.Upnp?.Problem);
        Assert.Equal(2, gateway.Igd.Requests.Count);
        gateway.Pass(TimeSpan.FromHours(1));
        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void Version_2_is_asked_for_any_port_and_the_one_it_gives_is_taken()
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.Services.Insert(0, (SimIgd.Connection2, "/ctl/2"));
            igd.ReservedPort = 40002;
        });

        Assert.Equal(Address("198.51.100.7:40002"), gateway.Mapper.Mapped);
        Assert.Equal(["GetExternalIPAddress", "AddAnyPortMapping"], gateway.Igd.Actions);
        Assert.All(gateway.Igd.Requests.Where(request => request.Action is not null), request => Assert.Equal("/ctl/2", request.Path));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(602)]
    public void One_that_calls_itself_version_2_and_is_not_is_mapped_as_version_1(int error)
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.Services[0] = (SimIgd.Connection2, "/ctl/2");
            igd.FailAdding(error);
        });

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal(["GetExternalIPAddress", "AddAnyPortMapping", "AddPortMapping"], gateway.Igd.Actions);
    }

    [Theory]
    [InlineData(725)]
    [InlineData(402)]
    public void Where_only_leases_without_end_are_granted_one_is_taken_renewed_and_given_back(int error)
    {
        SimGateway gateway = Connected(igd => igd.FailAdding(error));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.True(gateway.Mapper.Status.Upnp?.IsPermanent);
        Assert.Equal("0", gateway.Igd.Mappings["5000"].Lease);
        gateway.Pass(TimeSpan.FromHours(1));
        Assert.Equal(3, gateway.Igd.CountOf("AddPortMapping"));
        Release(gateway);
        Assert.Empty(gateway.Igd.Mappings);
    }

    [Fact]
    public void A_port_that_is_another_s_is_left_to_it_and_another_is_tried()
    {
        SimGateway gateway = Connected(igd => igd.FailAdding(718, 729, 718));

        Assert.True(gateway.Mapper.Mapped.IsValid);
        Assert.NotEqual(5000, gateway.Mapper.Mapped.Port);
        Assert.InRange(gateway.Mapper.Mapped.Port, 1024, 65535);
        Assert.Equal(4, gateway.Igd.CountOf("AddPortMapping"));
    }

    [Fact]
    public void Where_every_port_is_another_s_it_is_given_up_after_a_few()
    {
        SimGateway gateway = Connected(igd => igd.FailAdding([.. Enumerable.Repeat(718, 100)]));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(1 + UpnpPortClient.MaxConflicts, gateway.Igd.CountOf("AddPortMapping"));
        Assert.Contains("718", gateway.Mapper.Status.Upnp?.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_lease_is_renewed_after_half_its_life_at_the_same_port()
    {
        SimGateway gateway = Connected();
        gateway.Pass(TimeSpan.FromMinutes(55));
        Assert.Equal(1, gateway.Igd.CountOf("AddPortMapping"));

        gateway.Pass(TimeSpan.FromMinutes(10));

        Assert.Equal(2, gateway.Igd.CountOf("AddPortMapping"));
        Assert.Equal(["5000"], gateway.Igd.Mappings.Keys);
        gateway.Pass(TimeSpan.FromHours(12));
        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void The_mapping_is_given_back_at_the_end()
    {
        SimGateway gateway = Connected();
        Release(gateway);

        Assert.Empty(gateway.Igd.Mappings);
        Assert.Equal(0, gateway.Igd.Requests[^1].Id);
        Assert.Null(gateway.Mapper.NextTimeout);
    }

    [Fact]
    public void A_mapping_that_the_router_has_forgotten_is_there_again_within_a_minute()
    {
        SimGateway gateway = Connected();
        gateway.Igd.Mappings.Clear();

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.Equal(["5000"], gateway.Igd.Mappings.Keys);
        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void A_mapping_that_has_become_another_host_s_is_made_at_another_port()
    {
        SimGateway gateway = Connected();
        gateway.Igd.Mappings["5000"] = ("192.168.1.77", "0");
        gateway.Igd.FailAdding(718);

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.NotEqual(5000, gateway.Mapper.Mapped.Port);
        Assert.True(gateway.Mapper.Mapped.IsValid);
        Assert.Equal("192.168.1.77", gateway.Igd.Mappings["5000"].Client);
    }

    [Fact]
    public void A_router_that_comes_back_at_another_port_is_searched_for_again()
    {
        SimGateway gateway = Connected();
        gateway.Igd.Mappings.Clear();
        gateway.Igd.IsOn = false;
        gateway.Pass(TimeSpan.FromSeconds(70)); // A check that is not answered.
        Assert.Equal(Mapped, gateway.Mapper.Mapped); // Nothing says that it is gone.

        gateway.Igd.IsOn = true;
        gateway.Igd.Location = "http://192.168.1.1:6000/other.xml";
        gateway.Pass(TimeSpan.FromMinutes(2));

        Assert.Equal(["5000"], gateway.Igd.Mappings.Keys);
        Assert.Equal(6000, gateway.Igd.Requests[^1].Endpoint.Port);
        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void Another_external_address_is_told_within_a_minute()
    {
        SimGateway gateway = Connected();
        gateway.Igd.External = "198.51.100.8";

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.Equal(Address("198.51.100.8:5000"), gateway.Mapper.Mapped);
    }

    [Theory]
    [InlineData("10.0.0.2", "another router")]
    [InlineData("100.64.0.2", "the provider")]
    [InlineData("0.0.0.0", "no external address")]
    [InlineData("", "no external address")]
    [InlineData("fe80::1", "no external address")]
    [InlineData("127.0.0.1", "none of the internet's")]
    public void An_external_address_that_is_none_is_told_and_nothing_is_mapped(string external, string told)
    {
        SimGateway gateway = Connected(igd => igd.External = external);

        Assert.Equal(PortMappingState.NestedNat, gateway.Mapper.Status.State);
        Assert.Contains(told, gateway.Mapper.Status.Upnp?.Problem, StringComparison.Ordinal);
        Assert.Equal(0, gateway.Igd.CountOf("AddPortMapping"));
    }

    [Fact]
    public void An_external_address_that_ceases_to_be_public_ends_the_mapping()
    {
        SimGateway gateway = Connected();
        gateway.Igd.External = "100.64.0.2";

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Empty(gateway.Igd.Mappings);
    }

    [Fact]
    public void Of_several_connections_the_one_with_a_public_address_is_mapped()
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.Services.Clear();
            igd.Services.AddRange([("urn:schemas-upnp-org:service:WANPPPConnection:1", "/ppp"), (SimIgd.Connection1, "/first"), (SimIgd.Connection1, "/second")]);
            igd.ExternalOf["/first"] = "0.0.0.0";
            igd.ExternalOf["/second"] = "10.1.1.1";
        });

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal(["/first", "/second", "/ppp", "/ppp"], gateway.Igd.Requests.Where(request => request.Action is not null).Select(request => request.Path));
    }

    [Theory]
    [InlineData("ctl/IPConn", "/ctl/IPConn")]
    [InlineData("http://192.168.1.1:5000/ctl/IPConn?a=b", "/ctl/IPConn?a=b")]
    [InlineData("http://192.168.2.1:5000/ctl/IPConn", "/ctl/IPConn")] // Another address of the same router.
    public void Control_URLs_are_taken_however_they_are_written(string control, string path)
    {
        SimGateway gateway = Connected(igd => igd.Services[0] = (SimIgd.Connection1, control));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal((Address("192.168.1.1:5000"), path), (gateway.Igd.Requests[^1].Endpoint, gateway.Igd.Requests[^1].Path));
    }

    [Theory]
    [InlineData("urn:dslforum-org:service:WANIPConnection:1")]
    [InlineData("urn:schemas-upnp-org:service:WANPPPConnection:1")]
    public void Other_makers_types_are_spelled_back_to_them(string type)
    {
        SimGateway gateway = Connected(igd => igd.Services[0] = (type, "/ctl"));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal($"{type}#AddPortMapping", gateway.Igd.Requests[^1].Action);
    }

    [Fact]
    public void A_location_at_another_address_of_the_LAN_is_looked_for_at_the_gateway()
    {
        SimGateway gateway = Connected(igd => igd.Location = "http://10.0.0.138:80/desc.xml");

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
        Assert.Equal(Address("192.168.1.1:80"), gateway.Igd.Requests[0].Endpoint);
    }

    [Fact]
    public void A_description_that_ends_in_garbage_counts_up_to_it()
    {
        SimGateway gateway = Connected(igd => igd.Description = igd.Describe().Replace("</serviceList>", "</serviceList> & <", StringComparison.Ordinal));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void A_router_that_is_not_the_way_out_is_told_of_and_not_asked()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        for (int i = 0; i < 100; i++) gateway.Mapper.HandleSearchAnswer(Address($"192.168.1.{2 + i % 20}:1900"), SimIgd.SearchAnswer($"http://192.168.1.{2 + i % 20}:80/"), gateway.Now);
        gateway.Exchange();

        Assert.Equal(UpnpClient.MaxOthers, gateway.Mapper.Status.OtherRouters.Count);
        Assert.Contains(Address("192.168.1.2:0"), gateway.Mapper.Status.OtherRouters);
        Assert.Empty(gateway.Igd.Requests);
        Assert.Equal(100, gateway.Mapper.Drops[PortMapDrop.WrongSource]);
    }

    [Fact]
    public void PCP_is_preferred_and_UPnP_s_offer_is_told_all_the_same()
    {
        SimGateway gateway = new();
        gateway.Igd.IsOn = true;
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));

        Assert.Equal(PortMappingAnswer.Offered, gateway.Mapper.Status.Upnp?.Answer);
        Assert.Equal(["GetExternalIPAddress"], gateway.Igd.Actions);
        Assert.Equal(Address("198.51.100.7:40000"), gateway.Mapper.Mapped);
        Assert.Equal(PortMappingProtocols.Pcp | PortMappingProtocols.NatPmp | PortMappingProtocols.Upnp, gateway.Mapper.Status.Offered);
    }

    [Fact]
    public void UPnP_takes_over_where_PCP_and_NAT_PMP_refuse()
    {
        SimGateway gateway = new() { Result = 2 };
        gateway.Igd.IsOn = true;
        gateway.Connect();
        gateway.Pass(UpnpClient.GatherTime);

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    [Fact]
    public void UPnP_takes_over_where_PCP_s_lease_is_lost()
    {
        SimGateway gateway = new();
        gateway.Igd.IsOn = true;
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));
        gateway.HasPcp = gateway.HasNatPmp = false;

        gateway.Pass(TimeSpan.FromHours(2) + TimeSpan.FromMinutes(1));

        Assert.Equal(Mapped, gateway.Mapper.Mapped);
    }

    private static SimGateway Connected(Action<SimIgd>? configure = null)
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Igd.IsOn = true;
        configure?.Invoke(gateway.Igd);
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));
        return gateway;
    }

    private static void Release(SimGateway gateway)
    {
        gateway.Mapper.HandleRelease();
        gateway.Exchange();
    }
}
