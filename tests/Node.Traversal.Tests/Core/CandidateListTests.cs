using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class CandidateListTests
{
    private static readonly ReflexiveAddress Seen = new(Address("198.51.100.7:40000"), IsConfirmed: true);
    private static readonly ReflexiveAddress Doubtful = new(Address("192.0.2.66:41000"), IsConfirmed: false);

    private readonly NodeContext _context = new(
        new NodeCoreOptions { Keys = Keys(1), Entropy = Entropy(1), StartedAt = 1, UdpPort = 5000, AdvertisedAddresses = [Address("203.0.113.9:7000")] },
        Map(900));

    [Fact]
    public void What_lets_in_anybody_comes_first_and_one_servers_word_last()
    {
        Assert.Equal(
            [
                new Candidate(Address("198.51.100.7:6000"), CandidateKind.PortMapped),
                new Candidate(Address("203.0.113.9:7000"), CandidateKind.Configured),
                new Candidate(Seen.Address, CandidateKind.ServerReflexive),
                new Candidate(Address("192.168.1.10:5000"), CandidateKind.Host),
                new Candidate(Address("[2001:db8::10]:5000"), CandidateKind.Host),
                new Candidate(Doubtful.Address, CandidateKind.ServerReflexive) { IsUnconfirmed = true },
            ],
            Make([Seen, Doubtful], Address("198.51.100.7:6000")));
    }

    [Fact]
    public void Behind_a_hard_NAT_the_public_address_is_told_with_the_local_port_too()
    {
        _context.Nat = new NatProfile(NatMapping.EndpointDependent, UdpReach.Works);

        Assert.Contains(new Candidate(Address("192.0.2.66:5000"), CandidateKind.LocalPort), Make([Doubtful]));
    }

    [Fact]
    public void Whoever_is_seen_as_what_it_is_tells_it_once()
    {
        Candidate[] list = Make([new ReflexiveAddress(Address("192.168.1.10:5000"), IsConfirmed: true)]);

        Assert.Equal(new Candidate(Address("192.168.1.10:5000"), CandidateKind.Host), Assert.Single(list, candidate => candidate.Address.Bits == Address("192.168.1.10:0").Bits));
    }

    [Fact]
    public void No_more_are_told_than_the_limit_and_no_more_reflexive_ones_than_help()
    {
        TransportAddress[] local = [.. Enumerable.Range(1, 100).Select(i => Address($"10.0.0.{i}:0"))];
        ReflexiveAddress[] seen = [.. Enumerable.Range(1, 50).Select(i => new ReflexiveAddress(Address($"198.51.100.{i}:40000"), IsConfirmed: true))];

        Candidate[] list = CandidateList.Make(_context, local, seen, []);

        Assert.Equal(AnnouncedCandidates.MaxCandidates, list.Length);
        Assert.Equal(6, list.Count(candidate => candidate.Kind == CandidateKind.ServerReflexive));
    }

    [Fact]
    public void With_a_host_of_interfaces_those_that_others_reach_and_every_other_kind_are_told()
    {
        _context.Nat = new NatProfile(NatMapping.EndpointDependent, UdpReach.Works);
        LocalAddress[] interfaces =
        [
            .. Enumerable.Range(17, 36).Select(i => new LocalAddress($"br-{i:x12}", Address($"172.{i}.0.1:0"))),
            new("docker0", Address("10.0.0.1:0")),
            new("enp3s0", Address("192.168.178.20:0")),
            new("enp3s0", Address("[2001:db8:1::20]:0")),
            new("enp4s0", Address("192.168.50.1:0")),
            new("wlp2s0", Address("192.168.0.7:0")),
        ];
        Assert.Equal(40, interfaces.DistinctBy(local => local.Interface).Count());

        Candidate[] list = CandidateList.Make(_context, LocalAddresses.InOrder(interfaces, Address("192.168.178.20:0")), [Seen, Doubtful], [Address("198.51.100.7:6000")]);

        Assert.Equal(AnnouncedCandidates.MaxCandidates, list.Length);
        Assert.Equal(
            ["192.168.178.20:5000", "[2001:db8:1::20]:5000", "192.168.0.7:5000", "192.168.50.1:5000"],
            list.Where(candidate => candidate.Kind == CandidateKind.Host).Take(4).Select(candidate => candidate.Address.ToString()));
        Assert.All(
            [
                new Candidate(Address("198.51.100.7:6000"), CandidateKind.PortMapped),
                new Candidate(Address("203.0.113.9:7000"), CandidateKind.Configured),
                new Candidate(Seen.Address, CandidateKind.ServerReflexive),
                new Candidate(Seen.Address.WithPort(5000), CandidateKind.LocalPort),
                new Candidate(Doubtful.Address, CandidateKind.ServerReflexive) { IsUnconfirmed = true },
            ],
            candidate => Assert.Contains(candidate, list));
    }

    private Candidate[] Make(ReflexiveAddress[] reflexive, params TransportAddress[] portMapped) =>
        CandidateList.Make(_context, [Address("192.168.1.10:0"), Address("[2001:db8::10]:0")], reflexive, portMapped);
}
