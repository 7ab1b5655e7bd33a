using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Stun.Protocol;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PortSamplerTests
{
    private static readonly SocketId Socket = new(7);
    private static readonly TransportAddress One = Address("198.51.100.7:50001");
    private static readonly TransportAddress Two = Address("198.51.100.7:50002");
    private static readonly TransportAddress[] Servers = [Address("198.19.1.10:3478"), Address("198.19.1.11:3478"), Address("198.19.2.10:3478"), Address("198.19.2.11:3478")];

    private readonly NodeContext _context = Context(1, Map(900));

    public PortSamplerTests() => _context.StunServers = Servers;

    [Fact]
    public void What_was_known_once_is_not_changed_by_an_answer_that_comes_later()
    {
        PortSampler sampler = new(_context, Socket, needsBoth: false, round: 1);
        Transmit[] asked = Ask(sampler);

        Assert.True(Answer(sampler, asked[1], Two));
        Assert.True(Answer(sampler, asked[0], One)); // A server that lies, and answers last.

        Assert.Equal(Two, sampler.First);
    }

    [Fact]
    public void Both_ports_are_waited_for_where_both_are_needed()
    {
        PortSampler sampler = new(_context, Socket, needsBoth: true, round: 1);
        Transmit[] asked = Ask(sampler);

        Answer(sampler, asked[1], Two);
        Assert.False(sampler.IsDone);
        Answer(sampler, asked[0], One);

        Assert.True(sampler.IsDone);
        Assert.Equal((One, Two), (sampler.First, sampler.Second));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(2)]
    public void No_server_is_asked_in_every_round_where_there_are_others(int servers)
    {
        _context.StunServers = Servers[..servers];

        TransportAddress[][] rounds = [.. Enumerable.Range(1, 4).Select(round => Ask(new PortSampler(_context, Socket, needsBoth: true, round)).Select(sent => sent.Destination).ToArray())];

        Assert.All(rounds, round => Assert.Equal(2, round.Distinct().Count()));
        if (servers > 2) Assert.All(Servers, server => Assert.Contains(rounds, round => !round.Contains(server)));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    public void A_peer_may_number_its_rounds_as_it_likes(long round) =>
        Assert.Equal(2, Ask(new PortSampler(_context, Socket, needsBoth: true, round)).Length);

    private Transmit[] Ask(PortSampler sampler)
    {
        sampler.AskFirst(Start);
        sampler.AskSecond();
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
