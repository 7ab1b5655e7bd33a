using Node.Agent.Control;
using Relay.Protocol.Disco;

namespace Node.Agent.Tests.Control;

public sealed class StatusTests
{
    private static readonly DateTimeOffset Since = new(2026, 5, 4, 3, 2, 1, 500, TimeSpan.FromHours(2));

    private static readonly AgentStatus Status = new("wg0", "own+key=", new RelayRegionStatus(900, "lab"), 51234,
    [
        new PeerStatusLine("one=", "direct", "198.51.100.7:41000", TimeSpan.FromMilliseconds(1.2346), Since, 10, 2_000_000, null) { PathMtu = 1420, EndpointKind = "server_reflexive", PutBacks = 2, PutBackEndpoints = ["192.168.1.7:41000"] },
        new PeerStatusLine("two=", "relay", null, null, Since, 0, 0, new VerdictStatus("hard_both", "both NATs give each destination another port")
        {
            Stage = "nat",
            Remedy = "open_port_here",
            RemedyText = "open UDP 51234 here",
            Tried = ["lan", "simultaneous_open"],
            Probability = 0.0001234,
            NotAttempted = "hardly worth it",
            There = new NatProfile(NatMapping.AddressDependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent, Allocation = NatPortAllocation.Sequential, PortStep = -2 },
        }) { Relay = new RelayRegionStatus(901, "mid") },
    ])
    {
        Nat = new NatProfile(NatMapping.EndpointDependent, UdpReach.Works) { Allocation = NatPortAllocation.Random, LowestPort = 2048, HighestPort = 3071, Hairpins = true, LifetimeSeconds = 30, IsNested = true, IsCarrierGrade = true },
        Candidates = [new CandidateLine("192.168.1.10:51234", "host", IsUnconfirmed: false), new CandidateLine("203.0.113.7:51234", "local_port", IsUnconfirmed: true)],
    };

    [Fact]
    public void Programs_get_exactly_what_was_promised() => Assert.Equal(
        """{"self":{"publicKey":"own+key=","homeRelay":{"regionId":900,"regionCode":"lab"},"udpPort":51234,"nat":{"udp":"works","mapping":"endpoint-dependent","filtering":null,"portAllocation":"random","portStep":null,"lowestPort":2048,"highestPort":3071,"hairpinning":true,"lifetimeSeconds":30,"isNested":true,"isCarrierGrade":true,"offersPortMapping":false},"natIpv6":null,"candidates":[{"address":"192.168.1.10:51234","kind":"host","isUnconfirmed":false},{"address":"203.0.113.7:51234","kind":"local_port","isUnconfirmed":true}],"portMapping":{"state":"off","gateway":null,"local":null,"mapped":null,"pcp":null,"natPmp":null,"upnp":null,"otherRouters":[],"pinhole":null},"relayProblem":null,"captivePortal":null},"peers":[""" +
        """{"publicKey":"one=","path":"direct","endpoint":"198.51.100.7:41000","endpointKind":"server_reflexive","relay":null,"rttMs":1.235,"pathMtu":1420,"putBacks":2,"putBackEndpoints":["192.168.1.7:41000"],"since":"2026-05-04T01:02:01.500Z","rxBytes":10,"txBytes":2000000,"verdict":null},""" +
        """{"publicKey":"two=","path":"relay","endpoint":null,"endpointKind":null,"relay":{"regionId":901,"regionCode":"mid"},"rttMs":null,"pathMtu":null,"putBacks":0,"putBackEndpoints":[],"since":"2026-05-04T01:02:01.500Z","rxBytes":0,"txBytes":0,"verdict":{"code":"hard_both","text":"both NATs give each destination another port","stage":"nat","remedy":"open_port_here","remedyText":"open UDP 51234 here","tried":["lan","simultaneous_open"],"probability":0.000123,"notAttempted":"hardly worth it","here":null,""" +
        "\"there\":" + """{"udp":"works","mapping":"address-dependent","filtering":"address-and-port-dependent","portAllocation":"sequential","portStep":-2,"lowestPort":null,"highestPort":null,"hairpinning":null,"lifetimeSeconds":null,"isNested":false,"isCarrierGrade":false,"offersPortMapping":false}}}]}""",
        StatusJson.Write(Status));

    [Fact]
    public void Without_a_home_it_says_null() =>
        Assert.Contains("\"homeRelay\":null", StatusJson.Write(Status with { HomeRelay = null }), StringComparison.Ordinal);

    [Fact]
    public void A_captive_portal_is_told_to_both()
    {
        AgentStatus captive = Status with { CaptivePortal = true };

        Assert.Contains("\"captivePortal\":true", StatusJson.Write(captive), StringComparison.Ordinal);
        Assert.Contains("a captive portal stands before the network: open a web page", StatusText.Write(captive, Since), StringComparison.Ordinal);
        Assert.DoesNotContain("captive", StatusText.Write(Status with { CaptivePortal = false }, Since), StringComparison.Ordinal);
    }

    [Fact]
    public void People_get_a_line_for_each_peer()
    {
        string text = StatusText.Write(Status with { MtuAdvice = "set wg0 to 1380." }, Since + TimeSpan.FromMinutes(5));

        Assert.Equal("""
            wg0: own+key=, UDP port 51234, at home in relay region lab (900)
              NAT: mapping endpoint-dependent, ports random, from 2048 to 3071, behind a provider's NAT
              reached at: 192.168.1.10:51234 (host), 203.0.113.7:51234 (local-port, unconfirmed)
              one=  direct 198.51.100.7:41000 (server-reflexive)    1.2 ms  for 5 min   received 10 B, sent 1.9 MiB  path MTU 1420  no data passes by 192.168.1.7:41000
              two=  by relay mid                                         -  for 5 min   received 0 B, sent 0 B
                not direct: both NATs give each destination another port
                its NAT: mapping address-dependent, filtering address-and-port-dependent, ports sequential
                tried: lan, simultaneous-open
                no hole attempted: hardly worth it (chance 0.01 %)
                what would help: open UDP 51234 here
            MTU: set wg0 to 1380.
            """, text);
    }

    [Fact]
    public void A_hole_that_is_being_made_has_its_chance_told_where_it_is_one()
    {
        Assert.Contains("\n    making a hole: chance 98.2 %", TextOf(0.982), StringComparison.Ordinal);
        Assert.DoesNotContain("chance", TextOf(1), StringComparison.Ordinal);
        Assert.DoesNotContain("hole", TextOf(null), StringComparison.Ordinal);

        static string TextOf(double? probability) => TextWith(new VerdictStatus("hard_here", "") { Probability = probability });
    }

    [Theory]
    [InlineData(true, true, "chance 98.2 % at most\n")]
    [InlineData(true, false, "chance 98.2 %\n")]
    [InlineData(false, true, "chance 98.2 %\n")] // All its packets leave by one port, however few the inner NAT has.
    public void The_chance_of_a_hard_nat_with_another_behind_it_is_told_as_the_most_it_can_be(bool isHard, bool isNested, string told)
    {
        NatProfile nat = new(isHard ? NatMapping.AddressAndPortDependent : NatMapping.EndpointIndependent, UdpReach.Works) { IsNested = isNested };
        VerdictStatus verdict = new("hard_here", "") { Probability = 0.982, RemedyText = "a port" };

        Assert.Contains(told, TextWith(verdict with { Here = nat }), StringComparison.Ordinal);
        Assert.Contains(told, TextWith(verdict with { There = nat }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_without_peers_says_so() =>
        Assert.EndsWith("no peers", StatusText.Write(Status with { Peers = [] }, Since), StringComparison.Ordinal);

    private static string TextWith(VerdictStatus verdict) =>
        StatusText.Write(Status with { Peers = [new PeerStatusLine("two=", "relay", null, null, Since, 0, 0, verdict)] }, Since);
}
