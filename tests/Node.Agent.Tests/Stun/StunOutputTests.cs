using System.Text.Json;
using Addresses;
using Node.Agent.Stun;
using Node.Traversal;

namespace Node.Agent.Tests.Stun;

public class StunOutputTests
{
    private static readonly TransportAddress Server = Address("198.51.100.1:3478");

    private static readonly StunFinding Hard = new(StunTransport.Udp, [Server])
    {
        Local = Address("192.168.1.10:40000"),
        Mapped = Address("203.0.113.7:2002"),
        Rtt = TimeSpan.FromMilliseconds(12.34),
        Software = "a server",
        Udp = UdpFinding.Works,
        Behavior = new NatBehavior
        {
            Server = Server,
            Presence = NatPresence.Nat,
            Mapping = MappingBehavior.AddressAndPortDependent,
            Filtering = FilteringBehavior.AddressDependent,
            PortAllocation = new PortAllocation(PortAllocationPattern.Sequential, 2, 2002, 2030, false),
            Hairpinning = false,
            PublicAddresses = [Address("203.0.113.7:0")],
            OtherAddress = Address("198.51.100.2:3479"),
            Notes = [new NatNote(NatAspect.Filtering, "a doubt")],
            RequestsSent = 20,
        },
    };

    private static readonly StunFinding Blocked = new(StunTransport.Udp, [Server]) { Udp = UdpFinding.Blocked, Problems = ["no answer", "UDP is blocked"] };

    [Fact]
    public void People_read_a_few_lines() => Assert.Equal(
        """
        198.51.100.1:3478 over UDP, 12.3 ms, a server
          mapped address    203.0.113.7:2002, from 192.168.1.10:40000
          NAT               yes
          mapping           address and port-dependent (another public port for every destination)
          filtering         address-dependent (packets of addresses that were sent to)
          port allocation   sequential, step 2 (ports 2002 to 2030 seen)
          hairpinning       no
          note              filtering: a doubt

        198.51.100.1:3478 over UDP: no answer
          no answer
          UDP is blocked
        """,
        StunText.Write([Hard, Blocked]));

    [Fact]
    public void Programs_read_one_line()
    {
        string text = StunJson.Write("stun.example.net", [Hard, Blocked]);

        Assert.DoesNotContain('\n', text);
        using JsonDocument document = JsonDocument.Parse(text);
        Assert.True(document.RootElement.GetProperty("answered").GetBoolean());
        JsonElement hard = document.RootElement.GetProperty("results")[0];
        Assert.Equal("address-and-port-dependent", hard.GetProperty("mapping").GetString());
        Assert.Equal("address-dependent", hard.GetProperty("filtering").GetString());
        Assert.Equal("sequential", hard.GetProperty("portAllocation").GetProperty("pattern").GetString());
        Assert.Equal(2, hard.GetProperty("portAllocation").GetProperty("step").GetInt32());
        Assert.False(hard.GetProperty("hairpinning").GetBoolean());
        Assert.Equal("nat", hard.GetProperty("nat").GetString());
        Assert.Equal(12.34, hard.GetProperty("rttMs").GetDouble());
        JsonElement blocked = document.RootElement.GetProperty("results")[1];
        Assert.Equal("blocked", blocked.GetProperty("udp").GetString());
        Assert.Equal(JsonValueKind.Null, blocked.GetProperty("mapped").ValueKind);
        Assert.Equal(2, blocked.GetProperty("problems").GetArrayLength());
    }

    private static TransportAddress Address(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
