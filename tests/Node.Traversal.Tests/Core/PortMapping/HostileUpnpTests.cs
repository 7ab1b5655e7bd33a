using System.Text;
using Addresses;
using CsCheck;
using Node.Traversal.Core.PortMapping;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>What a router, or one that would be it, may try by UPnP: one test a line.</summary>
public class HostileUpnpTests
{
    public static TheoryData<string> HostileUrls =>
    [
        "http://203.0.113.9:80/desc.xml", // Off the LAN.
        "http://127.0.0.1:80/desc.xml",
        "http://169.254.169.254/latest/meta-data",
        "http://0.0.0.0/desc.xml",
        "http://224.0.0.1/desc.xml",
        "http://router.local/desc.xml", // A name is anybody's.
        "http://localhost/desc.xml",
        "http://[::ffff:192.168.1.1]/desc.xml", // The gateway itself, but spelled to get past a check.
        "http://[::ffff:127.0.0.1]/desc.xml",
        "http://[::1]/desc.xml",
        "http://0x7f.1/desc.xml",
        "http://2130706433/desc.xml",
        "http://192.168.1.1@203.0.113.9/desc.xml",
        "http://192.168.1.1:0/desc.xml",
        "http://192.168.1.1:99999/desc.xml",
        "https://192.168.1.1/desc.xml",
        "file:///etc/passwd",
        "http://192.168.1.1/a b",
    ];

    [Theory]
    [MemberData(nameof(HostileUrls))]
    public void A_location_that_leads_elsewhere_is_not_fetched(string location)
    {
        SimGateway gateway = Connected(igd => igd.Location = location);

        Assert.Empty(gateway.Igd.Requests);
        Assert.True(gateway.Mapper.Drops[PortMapDrop.HostileUrl] > 0);
        Assert.False(gateway.Mapper.Mapped.IsValid);
    }

    [Theory]
    [MemberData(nameof(HostileUrls))]
    public void A_control_URL_that_leads_elsewhere_is_not_asked(string control)
    {
        SimGateway gateway = Connected(igd => igd.Services[0] = (SimIgd.Connection1, control));

        Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Upnp?.Answer);
        Assert.All(gateway.Igd.Requests, request => Assert.Null(request.Action));
        Assert.True(gateway.Mapper.Drops[PortMapDrop.HostileUrl] > 0);
    }

    [Fact]
    public void Whatever_the_URL_base_only_the_gateway_is_asked()
    {
        SimGateway gateway = Connected(igd => igd.Description = igd.Describe().Replace("<device>", "<URLBase>http://203.0.113.9/</URLBase><device>", StringComparison.Ordinal));

        Assert.All(gateway.Igd.Requests, request => Assert.Equal(SimGateway.Gateway.Bits, request.Endpoint.Bits));
        Assert.False(gateway.Mapper.Mapped.IsValid);
    }

    [Fact]
    public void Another_host_that_plays_the_router_is_not_believed()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.Mapper.HandleSearchAnswer(Address("192.168.1.66:1900"), SimIgd.SearchAnswer("http://192.168.1.1:5000/evil.xml"), gateway.Now);
        gateway.Pass(TimeSpan.FromSeconds(4));

        Assert.Empty(gateway.Igd.Requests);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.WrongSource]);
    }

    [Fact]
    public void Thousands_of_locations_cost_a_few_requests()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.Igd.IsOn = true;
        gateway.Igd.Description = "<root/>";
        for (int i = 0; i < 5000; i++) gateway.Mapper.HandleSearchAnswer(SimGateway.Gateway, SimIgd.SearchAnswer($"http://192.168.1.1:{1 + i}/desc.xml"), gateway.Now);
        gateway.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(UpnpClient.MaxLocations, gateway.Igd.Requests.Count);
    }

    [Fact]
    public void Thousands_of_services_cost_a_few_requests()
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.Services.AddRange(Enumerable.Range(0, 200).Select(i => (SimIgd.Connection1, $"/ctl/{i}")));
            igd.OnAction = _ => SimIgd.Fault(501);
        });

        Assert.Equal(1 + UpnpClient.MaxServices, gateway.Igd.Requests.Count);
    }

    [Fact]
    public void Entities_are_not_expanded()
    {
        string bomb = "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c SYSTEM \"file:///etc/passwd\">]>";
        SimGateway gateway = Connected(igd => igd.Description = bomb + igd.Describe()[21..].Replace("/ctl/IPConn", "&b;&c;", StringComparison.Ordinal));

        Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Upnp?.Answer);
        Assert.All(gateway.Igd.Requests, request => Assert.Null(request.Action));
    }

    [Fact]
    public void Huge_and_deep_descriptions_are_let_go()
    {
        foreach (string description in (string[])[new string('<', 70_000), string.Concat(Enumerable.Repeat("<a>", 10_000)), $"<a>{new string('x', 60_000)}</a>"])
        {
            SimGateway gateway = Connected(igd => igd.Description = description);
            Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Upnp?.Answer);
        }
    }

    [Theory]
    [InlineData(200, "")]
    [InlineData(200, "<html>Welcome</html>")]
    [InlineData(200, "<s:Envelope xmlns:s=\"x\"><s:Body>")]
    [InlineData(500, "")]
    [InlineData(500, "<e><errorCode>99999999999999999999</errorCode></e>")]
    [InlineData(500, "<e><errorCode>-718</errorCode></e>")]
    [InlineData(302, "<e/>")] // A redirect is followed by nobody.
    [InlineData(401, "password, please")]
    [InlineData(0, "")]
    public void Nonsense_for_an_answer_is_no_mapping_and_no_flood(int status, string body)
    {
        SimGateway gateway = Connected(igd => igd.OnAction = _ => SimIgd.Reply(status, body));
        Assert.Equal(PortMappingAnswer.Refused, gateway.Mapper.Status.Upnp?.Answer);

        gateway.Pass(TimeSpan.FromHours(6));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.InRange(gateway.Igd.Requests.Count, 2, 60);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("9999999999")]
    public void A_port_that_is_none_is_no_mapping(string port)
    {
        SimGateway gateway = Connected(igd =>
        {
            igd.Services[0] = (SimIgd.Connection2, "/ctl");
            igd.OnAction = request => request.Action!.EndsWith("GetExternalIPAddress", StringComparison.Ordinal) ? SimIgd.Success(("NewExternalIPAddress", "198.51.100.7")) : SimIgd.Success(("NewReservedPort", port));
        });

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal("it gave no external port", gateway.Mapper.Status.Upnp?.Problem);
    }

    [Fact]
    public void A_service_type_that_would_write_headers_is_passed_over()
    {
        SimGateway gateway = Connected(igd => igd.Services[0] = ("urn:x:service:WANIPConnection:1&#13;&#10;Evil: yes", "/ctl"));

        Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Upnp?.Answer);
    }

    [Fact]
    public void A_reply_that_nobody_waits_for_changes_nothing()
    {
        SimGateway gateway = Connected(_ => { });
        TransportAddress mapped = gateway.Mapper.Mapped;
        for (int id = 0; id < 100; id++) gateway.Mapper.HandleReply(id, SimIgd.Fault(714), gateway.Now);

        Assert.Equal(mapped, gateway.Mapper.Mapped);
        Assert.Equal(100, gateway.Mapper.Drops[PortMapDrop.Unasked]);
    }

    [Fact]
    public void Garbage_at_the_searching_socket_changes_nothing() => Gen.Byte.Array[0, 200].Sample(garbage =>
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.Mapper.HandleSearchAnswer(SimGateway.Gateway, garbage, gateway.Now);
        gateway.Pass(TimeSpan.FromSeconds(1));

        Assert.Empty(gateway.Igd.Requests);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.Malformed]);
    });

    [Fact]
    public void Answers_with_flipped_bytes_never_throw() => Gen.Select(Gen.Select(Gen.Int[0, 400], Gen.Byte).Array[1, 6], Gen.Bool).Sample((flips, isDescription) =>
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Igd.IsOn = true;
        byte[] honest = isDescription ? Encoding.UTF8.GetBytes(gateway.Igd.Describe()) : SimIgd.Success(("NewExternalIPAddress", "198.51.100.7")).Body;
        foreach ((int at, byte value) in flips) honest[at % honest.Length] = value;
        if (isDescription) gateway.Igd.Description = Encoding.Latin1.GetString(honest);
        else gateway.Igd.OnAction = _ => new UpnpReply(200, honest);
        gateway.Connect();
        gateway.Pass(TimeSpan.FromMinutes(5));
    });

    private static SimGateway Connected(Action<SimIgd> configure)
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Igd.IsOn = true;
        configure(gateway.Igd);
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));
        return gateway;
    }
}
