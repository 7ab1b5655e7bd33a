using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PortSamplerTests
{
    private static readonly SocketId Socket = new(7);
    private const int Step = 2;
    private const int SentBetween = 4;
    private static readonly TransportAddress One = Address("198.51.100.7:50001");
    private static readonly TransportAddress Two = Address("198.51.100.7:50002");
    private static readonly TransportAddress Lie = Address("198.51.100.7:7");
    private static readonly TransportAddress[] Servers = [Address("198.19.1.10:3478"), Address("198.19.1.11:3478"), Address("198.19.2.10:3478"), Address("198.19.2.11:3478")];

    private readonly NodeContext _context = Context(1, Map(900));

    public PortSamplerTests() => _context.StunServers = Servers;

    [Fact]
    public void What_two_agree_on_is_not_changed_by_an_answer_that_comes_later()
    {
        PortSampler sampler = new(_context, Socket, foretells: false, round: 1);
        Transmit[] asked = Ask(sampler);

        Assert.True(Answer(sampler, asked[1], Two));
        Assert.True(Answer(sampler, asked[3], Two));
        Assert.True(sampler.IsDone);
        foreach (int late in (int[])[0, 2]) Assert.True(Answer(sampler, asked[late], Lie));

        Assert.Equal(Two, sampler.First);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void One_that_lies_about_the_port_is_outvoted_though_it_answers_first(int servers)
    {
        _context.StunServers = Servers[..servers];
        PortSampler sampler = new(_context, Socket, foretells: false, round: 1);
        Transmit[] asked = Ask(sampler);

        Answer(sampler, asked[0], Lie);
        Answer(sampler, asked[1], One);
        Assert.False(sampler.IsDone);
        Answer(sampler, asked[2], One);

        Assert.True(sampler.IsDone);
        Assert.Equal(One, sampler.First);
    }

    [Fact]
    public void Behind_a_hard_nat_no_two_could_agree_on_a_port_and_one_answer_does()
    {
        _context.Nat = new NatProfile(NatMapping.AddressAndPortDependent, UdpReach.Works);
        PortSampler sampler = new(_context, Socket, foretells: false, round: 1);
        Transmit[] asked = Ask(sampler);

        Answer(sampler, asked[1], Two);

        Assert.True(sampler.IsDone);
        Assert.Equal(Two, sampler.First);
    }

    [Fact]
    public void A_port_before_and_one_after_are_waited_for_where_they_are_to_foretell_others()
    {
        PortSampler sampler = Foretelling();
        Transmit[] asked = Ask(sampler);

        for (int before = 0; before < 2; before++) Answer(sampler, asked[before], Port(before));
        Assert.False(sampler.IsDone);
        Answer(sampler, asked[2], Port(2));

        Assert.True(sampler.IsDone);
        Assert.Equal((Port(1), Port(2)), (sampler.First, sampler.Second));
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, true)]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, false)]
    public void One_server_that_lies_or_is_deaf_keeps_no_sequence_from_being_seen(int odd, bool lies)
    {
        PortSampler sampler = Foretelling();
        Transmit[] asked = Ask(sampler);

        if (lies) Answer(sampler, asked[odd], Lie);
        for (int server = 0; server < asked.Length; server++)
        {
            if (server != odd) Answer(sampler, asked[server], Port(server));
        }

        Assert.True(sampler.IsDone);
        Assert.Equal((Port(odd == 1 ? 0 : 1), Port(odd == 2 ? 3 : 2)), (sampler.First, sampler.Second));
    }

    [Fact]
    public void Of_two_that_contradict_each_other_the_first_is_believed_and_in_the_next_round_the_other()
    {
        _context.StunServers = Servers[..2];
        TransportAddress[] believed = [.. Enumerable.Range(1, 2).Select(round =>
        {
            PortSampler sampler = Foretelling(round);
            foreach (Transmit asked in Ask(sampler)) Answer(sampler, asked, asked.Destination == Servers[0] ? Lie : One);
            Assert.True(sampler.IsDone);
            return sampler.First;
        })];

        Assert.Equal([Lie, One], believed);
    }

    [Fact]
    public void Who_alone_has_answered_is_believed_when_patience_ends()
    {
        PortSampler sampler = Foretelling();
        Transmit[] asked = Ask(sampler);

        Answer(sampler, asked[1], Port(1));
        WaitFor(sampler);

        Assert.Equal((Port(1), default, Port(1)), (sampler.First, sampler.Second, sampler.Last));
    }

    [Fact]
    public void Who_does_not_answer_is_asked_again_and_in_the_end_nothing_is_known()
    {
        PortSampler sampler = Foretelling();
        int asked = Ask(sampler).Length;

        WaitFor(sampler);

        Assert.Equal(2 * asked, Sent().Length);
        Assert.False(sampler.Last.IsValid);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    public void No_server_is_asked_first_in_every_round(int servers)
    {
        _context.StunServers = Servers[..servers];

        TransportAddress[][] rounds = [.. Enumerable.Range(1, servers).Select(round => Ask(Foretelling(round)).Select(sent => sent.Destination).ToArray())];

        Assert.All(rounds, round => Assert.Equal(servers, round.Distinct().Count()));
        Assert.Equal(servers, rounds.Select(round => round[0]).Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void A_peer_may_number_its_rounds_as_it_likes(long round) => Assert.Equal(4, Ask(Foretelling(round)).Length);

    /// <summary>Behind a NAT that gives ports in sequence.</summary>
    private PortSampler Foretelling(long round = 1)
    {
        _context.Nat = new NatProfile(NatMapping.AddressAndPortDependent, UdpReach.Works) { Allocation = NatPortAllocation.Sequential, PortStep = Step };
        return new PortSampler(_context, Socket, foretells: true, round);
    }

    /// <summary>What that NAT gives the socket for the server asked as that one, from 0: two are asked before others have their ports, and two after.</summary>
    private static TransportAddress Port(int server) => One.WithPort((ushort)(One.Port + Step * (server < 2 ? server : server + SentBetween)));

    private static void WaitFor(PortSampler sampler)
    {
        while (!sampler.IsDone) sampler.HandleTimeout(sampler.NextTimeout);
        Assert.Equal(Instant.Never, sampler.NextTimeout);
    }

    private Transmit[] Ask(PortSampler sampler)
    {
        sampler.AskFirst(Start);
        sampler.AskSecond();
        return Sent();
    }

    private Transmit[] Sent()
    {
        List<Transmit> sent = [];
        while (_context.TryDequeueTransmit(out Transmit transmit)) sent.Add(transmit);
        return [.. sent];
    }

    private static bool Answer(PortSampler sampler, Transmit asked, TransportAddress mapped)
    {
        Assert.True(StunHeader.TryRead(asked.Payload, out StunHeader header));
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(answer, header.TransactionId, mapped);
        return sampler.HandleResponse(asked.Destination, answer.AsSpan(0, length));
    }
}
