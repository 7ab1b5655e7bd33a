using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>A configured peer whose punching plans mean harm: it may waste its own path, and neither stop the node nor have it knock where it likes.</summary>
public class HostilePunchTests
{
    private static readonly TransportAddress PeerAddress = Address("203.0.113.66:40000");
    private static readonly TransportAddress OwnMapped = Address("198.51.100.7:50000");
    private static readonly TransportAddress[] Servers = [Address("198.19.1.10:3478"), Address("198.19.2.10:3478"), Address("198.19.3.10:3478")];
    private static readonly NatProfile Easy = new(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent };
    private static readonly NatProfile Hard = new(NatMapping.AddressAndPortDependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent, Allocation = NatPortAllocation.Random };

    private readonly List<(TransportAddress To, byte[] Payload)> _datagrams = [];
    private readonly NodeKeyPair _peerKeys = PeerThatProposes();
    private readonly NodeContext _context = Context(1, Map(900));
    private readonly PeerSession _peer;
    private Instant _now = Start;
    private long _counter;

    public HostilePunchTests()
    {
        _peer = new PeerSession(_context, new PeerOptions { Key = _peerKeys.PublicKey, Traffic = new PathTraffic() }, _now);
        _context.Nat = Easy;
        _context.Mapped = [OwnMapped];
        _context.StunServers = Servers;
        _context.Link(900).IsConnected = true;
    }

    [Theory]
    [InlineData(1, 500)] // Nothing of it may be tried.
    [InlineData(1, 1030)] // Seven ports of it may.
    [InlineData(2000, 2005)] // Fewer than the smallest stage.
    [InlineData(65535, 65535)]
    public void A_block_of_too_few_ports_breaks_nothing(int lowest, int highest)
    {
        Greet(Hard with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest });

        Say(PunchingStep.Offer, PunchingMethod.Birthday, size: 504, PeerAddress);
        Say(PunchingStep.Go, PunchingMethod.Birthday, size: 504, PeerAddress);
        Run(TimeSpan.FromSeconds(12));

        Assert.DoesNotContain(_datagrams, sent => sent.To.Port < 1024);
        Assert.False(_context.Punches.IsTaken);
    }

    [Theory]
    [InlineData(1, 500)]
    [InlineData(1, 1030)]
    [InlineData(2000, 2005)]
    public void Two_blocks_of_too_few_ports_break_nothing(int lowest, int highest)
    {
        _context.Nat = Hard with { LowestPort = 3000, HighestPort = 3100 };
        Greet(Hard with { LowestPort = (ushort)lowest, HighestPort = (ushort)highest });

        Say(PunchingStep.Offer, PunchingMethod.Blocks, size: 504, PeerAddress);
        Say(PunchingStep.Go, PunchingMethod.Blocks, size: 504, PeerAddress);
        Run(TimeSpan.FromSeconds(12));

        Assert.DoesNotContain(_datagrams, sent => sent.To.Port < 1024);
        Assert.False(_context.Punches.IsTaken);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    public void A_size_that_nothing_can_come_of_does_not_keep_the_one_place(int size)
    {
        Greet(Hard);

        Say(PunchingStep.Offer, PunchingMethod.Birthday, size, PeerAddress);
        Run(TimeSpan.FromSeconds(10));

        Assert.False(_context.Punches.IsTaken);
        Assert.Empty(_datagrams);
    }

    [Theory]
    [InlineData(PunchingMethod.Birthday)]
    [InlineData(PunchingMethod.FreshPorts)]
    [InlineData(PunchingMethod.Window)]
    public void An_address_that_the_peer_has_not_announced_is_not_knocked_at(PunchingMethod method)
    {
        TransportAddress victim = Address("8.8.8.8:50000");
        Greet(method == PunchingMethod.FreshPorts ? Easy : Hard with { Allocation = method == PunchingMethod.Window ? NatPortAllocation.Sequential : NatPortAllocation.Random, PortStep = 1 });

        Say(PunchingStep.Offer, method, size: 504, victim);
        AnswerStun();
        Say(PunchingStep.Go, method, size: 504, victim);
        Run(TimeSpan.FromSeconds(12));

        Assert.DoesNotContain(_datagrams, sent => sent.To.Bits == victim.Bits);
    }

    [Fact]
    public void A_sequence_of_our_own_that_ends_while_it_is_asked_for_breaks_nothing()
    {
        NatProfile sequential = Hard with { Allocation = NatPortAllocation.Sequential, PortStep = 1 };
        _context.Nat = sequential;
        Greet(Easy);
        Say(PunchingStep.Offer, PunchingMethod.Window, size: 504, PeerAddress);

        _context.Nat = sequential with { Allocation = NatPortAllocation.Random, PortStep = 0 }; // A discovery has ended in between.
        AnswerStun();
        Run(TimeSpan.FromSeconds(12));

        Assert.False(_context.Punches.IsTaken);
    }

    [Fact]
    public void An_offer_that_means_nothing_for_the_two_NATs_has_the_peer_told_again_what_ours_is()
    {
        Greet(Easy);
        _peer.Hellos.HandleSent(_now, TimeSpan.Zero);
        Assert.Null(_peer.Hellos.Next);

        Say(PunchingStep.Offer, PunchingMethod.Window, size: 504, PeerAddress); // It takes our NAT, or its own, for another.

        Assert.NotNull(_peer.Hellos.Next);
    }

    [Fact]
    public void A_peer_that_proposes_without_end_has_us_take_part_in_a_few_rounds_and_then_seldom()
    {
        Greet(Easy);
        int knocked = 0;
        for (int offer = 0; offer < 120; offer++)
        {
            Say(PunchingStep.Offer, PunchingMethod.FreshPorts, size: 504, PeerAddress);
            AnswerStun();
            _datagrams.Clear();
            Say(PunchingStep.Go, PunchingMethod.FreshPorts, size: 504, PeerAddress);
            Run(TimeSpan.FromMilliseconds(500));
            if (_datagrams.Exists(sent => sent.To.Bits == PeerAddress.Bits)) knocked++;
        }

        Assert.InRange(knocked, 8, 11); // Eight at once, and one more every 20 s of a minute.
        Assert.InRange(_context.Drops[NodeDrop.TooOften], 100, 112);
    }

    [Fact]
    public void Plans_at_random_never_break_the_node_and_never_reach_services_or_strangers()
    {
        Random random = new(20261124);
        Greet(RandomNat(random));
        for (int i = 0; i < 20_000; i++)
        {
            if (random.Next(20) == 0) Greet(RandomNat(random));
            if (random.Next(20) == 0) _context.Nat = RandomNat(random);
            if (random.Next(3) == 0) AnswerStun();
            TransportAddress address = random.Next(4) == 0 ? TransportAddress.FromIpv4((uint)random.Next(), (ushort)random.Next(65536)) : PeerAddress;
            Say((PunchingStep)random.Next(1, 6), (PunchingMethod)random.Next(0, 8), random.Next(0, 700), address, random);
            Run(random.Next(10) == 0 ? TimeSpan.FromSeconds(20) : TimeSpan.FromMilliseconds(random.Next(0, 400))); // Long enough for another round to be taken part in.
            if (_datagrams.Count > 5_000) _datagrams.RemoveRange(0, 4_000);
            Assert.DoesNotContain(_datagrams, sent => !Servers.Contains(sent.To) && (sent.To.Bits != PeerAddress.Bits || sent.To.Port < 1024));
        }
    }

    /// <summary>Keys that come before ours: who has them proposes.</summary>
    private static NodeKeyPair PeerThatProposes()
    {
        for (byte seed = 2; ; seed++)
        {
            NodeKeyPair keys = Keys(seed);
            if (string.CompareOrdinal(keys.PublicKey.ToHex(), Keys(1).PublicKey.ToHex()) < 0) return keys;
        }
    }

    private static NatProfile RandomNat(Random random) => new((NatMapping)random.Next(0, 5), (UdpReach)random.Next(0, 3))
    {
        Filtering = (NatFiltering)random.Next(0, 4),
        Allocation = (NatPortAllocation)random.Next(0, 4),
        PortStep = (short)random.Next(-3, 4),
        LowestPort = (ushort)random.Next(0, 3000),
        HighestPort = (ushort)random.Next(0, 3000),
    };

    /// <summary>The peer's Hello, sealed between node keys, as of its only start; its address goes with it.</summary>
    private void Greet(NatProfile nat)
    {
        byte[] nonce = new byte[Box.NonceLength];
        byte[] hello = new Hello
        {
            Sender = _peerKeys.PublicKey,
            Receiver = _context.OwnKey,
            StartedAt = 2_000_000,
            Counter = ++_counter,
            DiscoKey = new DiscoKey(Keys(99).PublicKey),
            Echo = _context.OwnDiscoKey,
            Nat = nat,
            Plans = PunchingPlan.Version,
        }.ToMessage();
        _peer.HandleHello(900, DiscoEnvelope.Seal(_peerKeys.PublicKey, new Box(_peerKeys, _context.OwnKey), nonce, hello), _now);
        _peer.Candidates.HandleCallMeMaybe(CallMeMaybe.ToMessage([PeerAddress]), _now);
        Drain();
    }

    private void Say(PunchingStep step, PunchingMethod method, int size, TransportAddress address, Random? random = null)
    {
        _peer.HandlePlan(
            new PunchingPlan
            {
                Sender = _peerKeys.PublicKey,
                Receiver = _context.OwnKey,
                Counter = ++_counter,
                Step = step,
                Round = random?.Next(3) ?? 1,
                Method = method,
                IsSenderHard = _peer.Nat.IsHard && random?.Next(2) != 0,
                Size = size,
                Addresses = [address],
                FirstPort = (ushort)(random?.Next(65536) ?? 5000),
                PortStep = (short)(random?.Next(-3, 4) ?? 1),
                PortCount = random?.Next(65536) ?? 4,
            }.ToMessage(),
            _now);
        Drain();
    }

    /// <summary>The STUN servers answer what the punch's own sockets have asked.</summary>
    private void AnswerStun()
    {
        foreach ((TransportAddress server, byte[] request) in _datagrams.Where(sent => Servers.Contains(sent.To)).ToArray())
        {
            byte[] response = new byte[StunBindingResponse.MaxLength];
            int length = StunBindingResponse.Write(response, TransactionId.Read(request.AsSpan(8, TransactionId.Length)), OwnMapped.WithPort((ushort)(_now.Ticks % 60_000 + 2000)));
            for (int socket = 2; socket < 700; socket++)
            {
                if (_context.Sockets.TryFindOwner(new SocketId(socket), out _)) _peer.Punch.HandleStun(new SocketId(socket), server, response.AsSpan(0, length), _now);
            }
        }

        _datagrams.RemoveAll(sent => Servers.Contains(sent.To));
        Drain();
    }

    private void Run(TimeSpan time)
    {
        Instant end = _now + time;
        for (int steps = 0; _peer.Punch.NextTimeout is { } next && next <= end && steps < 100_000; steps++)
        {
            _now = Instant.Max(_now, next);
            _peer.Punch.HandleTimeout(_now);
            Drain();
        }

        _now = end;
    }

    private void Drain()
    {
        while (_context.TryDequeueTransmit(out Transmit transmit))
        {
            if (!transmit.IsByRelay) _datagrams.Add((transmit.Destination, transmit.Payload));
        }

        while (_context.TryDequeueEvent(out _)) continue;
    }
}
