using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

/// <summary>What a session makes of the candidates that its peer announces.</summary>
public class AnnouncedCandidatesTests
{
    private const int Region = 900;

    private readonly NodeContext _context = Context(1, Map(Region));
    private readonly NodeContext _other = Context(2, Map(Region));
    private PeerSession _peer;
    private Instant _now = Start;

    public AnnouncedCandidatesTests()
    {
        _peer = Greeted();
    }

    [Fact]
    public void A_newer_list_replaces_the_older_and_an_older_is_dropped()
    {
        Announce(2, "198.18.2.2:5000");
        Announce(5, "198.18.2.2:5001", "198.18.2.3:5000");
        Announce(3, "198.18.2.9:5009");
        Announce(5, "198.18.2.9:5009");

        Assert.Equal([Address("198.18.2.2:5001"), Address("198.18.2.3:5000")], Tried);
        Assert.Equal(2, _context.Drops[NodeDrop.Stale]);
    }

    [Fact]
    public void Kinds_and_doubts_are_kept_for_whoever_looks_for_another_way()
    {
        Candidate mapped = new(Address("198.18.2.2:5000"), CandidateKind.PortMapped);
        Candidate doubtful = new(Address("198.18.2.3:5000"), CandidateKind.ServerReflexive) { IsUnconfirmed = true };

        _peer.Candidates.HandleList(Message(1, mapped, doubtful).ToMessage(), _now);

        Assert.Equal([mapped, doubtful], _peer.Candidates.Usable);
    }

    [Fact]
    public void A_call_me_maybe_beside_it_changes_nothing_and_alone_is_taken()
    {
        _peer.Candidates.HandleCallMeMaybe(CallMeMaybe.ToMessage([Address("198.18.2.2:5000")]), _now);
        Assert.Equal([Address("198.18.2.2:5000")], Tried);

        Announce(1, "198.18.2.3:5000");
        _peer.Candidates.HandleCallMeMaybe(CallMeMaybe.ToMessage([Address("198.18.2.2:5000")]), _now);

        Assert.Equal([Address("198.18.2.3:5000")], Tried);
    }

    [Fact]
    public void One_that_names_others_is_dropped()
    {
        _peer.Candidates.HandleList((Message(1) with { Sender = _context.OwnKey }).ToMessage(), _now);
        _peer.Candidates.HandleList((Message(1) with { Receiver = _other.OwnKey }).ToMessage(), _now);
        _peer.Candidates.HandleList([0x41, 0, 0x80], _now);

        Assert.Equal(2, _context.Drops[NodeDrop.WrongParty]);
        Assert.Equal(1, _context.Drops[NodeDrop.Malformed]);
        Assert.Empty(Tried);
    }

    [Fact]
    public void Behind_a_nat64_ipv4_addresses_are_tried_where_it_leads_to_them_and_nothing_else_is_hidden_in_one()
    {
        Announce(1, "198.18.2.2:5000", "192.168.1.10:5000", "127.0.0.1:5000", "[2001:db8:2::2]:5000", "[2001:db8:64::192.168.1.1]:5000", "[2001:db8:64::169.254.169.254]:5000");
        Assert.True(Nat64Prefix.TryFind([Address("[2001:db8:64::192.0.0.170]:0")], out Nat64Prefix prefix));

        _context.Filter.Nat64 = prefix;
        _peer.Candidates.HandleNat64(_now);
        Assert.Equal([Address("[2001:db8:64::198.18.2.2]:5000"), Address("192.168.1.10:5000"), Address("[2001:db8:2::2]:5000")], _peer.Candidates.Usable.Select(candidate => candidate.Address));

        _context.Filter.Nat64 = null;
        _peer.Candidates.HandleNat64(_now);
        Assert.Contains(Address("198.18.2.2:5000"), Tried);
    }

    [Fact]
    public void Ten_thousand_lists_of_hostile_addresses_cost_a_handful_of_checks()
    {
        TransportAddress[] hostile =
        [
            Address("127.0.0.1:5000"), Address("[::ffff:127.0.0.1]:5000"), Address("169.254.169.254:5000"), Address("[64:ff9b::7f00:1]:5000"), Address("[2002:7f00:1::1]:5000"),
            Address("0.0.0.0:5000"), Address("198.18.9.9:53"), Address("[fe80::1]:5000"),
        ];
        int checks = 0;
        for (int i = 1; i <= 10_000; i++)
        {
            TransportAddress[] victims = [.. Enumerable.Range(0, 24).Select(n => TransportAddress.FromIpv4(0xc6120000 + (uint)(i * 24 + n), 5000))];
            _peer.Candidates.HandleList(Message(i, [.. hostile.Concat(victims).Select(address => new Candidate(address, CandidateKind.Host))]).ToMessage(), _now);
            while (_peer.Finder.TryDequeueTransmit(out PathCheck check))
            {
                Assert.DoesNotContain(check.Pair.Remote, hostile);
                checks++;
            }
        }

        Assert.InRange(checks, 1, 6 * 24);
        Assert.InRange(_peer.Finder.Pairs.Count, 1, 24);
        Assert.True(_context.Drops[NodeDrop.TooOften] > 9_900);
    }

    [Fact]
    public void Behind_a_nat64_a_configured_ipv4_address_is_tried_too()
    {
        _peer = Greeted(Address("198.18.2.9:51820"));
        Announce(1, "[2001:db8:2::2]:5000");
        foreach (string network in (string[])["2001:db8:64", "2001:db8:65"])
        {
            Assert.True(Nat64Prefix.TryFind([Address($"[{network}::192.0.0.170]:0")], out Nat64Prefix prefix));
            _context.Filter.Nat64 = prefix;
            _peer.Candidates.HandleNat64(_now);

            Assert.Equal([Address("198.18.2.9:51820"), Address("[2001:db8:2::2]:5000"), Address($"[{network}::198.18.2.9]:51820")], Tried.Order(Comparer<TransportAddress>.Create((a, b) => a.Bits.CompareTo(b.Bits))));
        }
    }

    private IEnumerable<TransportAddress> Tried => _peer.Finder.Pairs.Select(pair => pair.Id.Remote);

    private PeerSession Greeted(params TransportAddress[] configured)
    {
        PeerSession peer = new(_context, new PeerOptions { Key = _other.OwnKey, Traffic = new PathTraffic(), ExtraCandidates = configured }, _now);
        Hello hello = new()
        {
            Sender = _other.OwnKey, Receiver = _context.OwnKey, StartedAt = _other.Options.StartedAt, Counter = 0, DiscoKey = _other.OwnDiscoKey, Echo = _context.OwnDiscoKey,
        };
        peer.HandleHello(Region, _other.Seal(_other.OwnKey, new Box(_other.Options.Keys, _context.OwnKey), hello.ToMessage()), _now);
        return peer;
    }

    private void Announce(long counter, params string[] addresses) =>
        _peer.Candidates.HandleList(Message(counter, [.. addresses.Select(address => new Candidate(Address(address), CandidateKind.Host))]).ToMessage(), _now);

    private AnnouncedCandidates Message(long counter, params Candidate[] list) =>
        new() { Sender = _other.OwnKey, Receiver = _context.OwnKey, Counter = counter, List = list };
}
