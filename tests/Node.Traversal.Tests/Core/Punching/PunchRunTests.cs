using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchRunTests
{
    private static readonly int[] Stages = [64, 128, 256, 504];

    private readonly List<(Instant At, PunchLine Line)> _openers = [];
    private readonly List<(Instant At, PunchLine Line)> _packets = [];
    private Instant _end;

    [Fact]
    public void The_side_that_tries_sends_a_hundred_packets_a_second_and_never_one_without_its_opener()
    {
        Run(PunchSchedule.Trying(Stages));

        Assert.Equal(504, _openers.Count);
        Assert.Equal(504, _packets.Count);
        Assert.Equal(_openers.Select(opener => opener.Line), _packets.Select(packet => packet.Line)); // Each line once, in order.
        AssertPace();
        Assert.InRange(_end - Start, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(6.5));
    }

    [Fact]
    public void The_side_that_opens_sends_no_packet_before_the_last_stage()
    {
        Run(PunchSchedule.Opening(Stages));

        Instant lastStage = Start + PunchSchedule.StartOf(Stages, 3);
        Assert.Equal(504, _packets.Count);
        Assert.All(_packets, packet => Assert.True(packet.At > lastStage));
        Assert.Equal(_openers[^1].Line, _packets[0].Line); // The newest first: the others' ports have missed it.
        AssertPace();
    }

    [Fact]
    public void Each_stage_waits_for_the_one_before()
    {
        Run(PunchSchedule.Trying(Stages));

        Assert.Equal(64, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(0.64)));
        Assert.Equal(128, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(1.28)));
        Assert.Equal(256, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(2.56)));
    }

    [Fact]
    public void Openers_do_not_come_in_one_burst()
    {
        Run(PunchSchedule.Trying(Stages));

        Assert.True(_openers.GroupBy(opener => opener.At).Max(group => group.Count()) <= PunchTiming.OpenersAtOnce);
    }

    [Fact]
    public void Few_lines_get_packets_again_and_again()
    {
        Run(PunchSchedule.Few(lines: 2, passes: 6));

        Assert.Equal(12, _packets.Count);
        Assert.InRange(_packets[^1].At - _packets[0].At, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1.1));
    }

    [Fact]
    public void A_timer_that_comes_late_is_not_made_up_for()
    {
        Run(PunchSchedule.Trying(Stages), lateness: Milliseconds(15));

        AssertPace();
    }

    private void Run(PunchSchedule schedule, TimeSpan lateness = default)
    {
        PunchRun run = new(schedule, Start);
        Instant now = Start;
        while (!run.IsOver(now))
        {
            while (run.WantsLine(now))
            {
                PunchLine line = new(new PairId(new SocketId(2), TransportAddress.FromIpv4(1, (ushort)(1024 + run.Lines.Count))), new PingId(0, (uint)run.Lines.Count), now);
                run.Add(line);
                _openers.Add((now, line));
            }

            while (run.TryTakePacket(now, out PunchLine line)) _packets.Add((now, line));
            if (run.IsOver(now)) break;
            Assert.True(run.NextTimeout > now, "it would spin");
            now = run.NextTimeout + lateness;
        }

        _end = now;
        Assert.Equal(_packets.Count, run.Packets);
    }

    private void AssertPace()
    {
        for (int i = 100; i < _packets.Count; i++) Assert.True(_packets[i].At - _packets[i - 100].At >= TimeSpan.FromSeconds(1) - Milliseconds(20));
        foreach ((Instant at, PunchLine line) in _packets) Assert.True(at - _openers.First(opener => opener.Line == line).At >= PunchTiming.OpenerLead);
    }
}
