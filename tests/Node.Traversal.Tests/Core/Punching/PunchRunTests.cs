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
        Run(PunchSchedule.Trying(Stages, opened: Stages));

        Assert.Equal(504, _openers.Count);
        Assert.Equal(_openers.Select(opener => opener.Line), _packets.Take(504).Select(packet => packet.Line)); // Each line once, in order.
        AssertPace();
        Assert.InRange(_end - Start, TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(9.5));
    }

    [Fact]
    public void Ports_that_went_before_the_last_socket_was_open_are_tried_again_and_no_others()
    {
        Run(PunchSchedule.Trying(Stages, opened: Stages));
        List<(Instant At, PunchLine Line)> tried = [.. _packets];
        _packets.Clear();
        _openers.Clear();
        Run(PunchSchedule.Opening(Stages, tried: Stages));

        Instant lastOpen = _openers[^1].At;
        int early = tried.Take(504).Count(packet => packet.At <= lastOpen);
        PunchLine[] again = [.. tried.Skip(504).Select(packet => packet.Line)];
        Assert.Equal(tried.Take(again.Length).Select(packet => packet.Line), again);
        Assert.InRange(again.Length, early, early + 12); // A start that is a tenth of a second off is covered.
    }

    [Fact]
    public void The_side_that_opens_sends_nothing_but_openers_and_lasts_as_long_as_the_other()
    {
        Run(PunchSchedule.Trying(Stages, opened: Stages));
        Instant othersEnd = _end;
        _packets.Clear();
        _openers.Clear();

        Run(PunchSchedule.Opening(Stages, tried: Stages));

        Assert.Equal(504, _openers.Count);
        Assert.Empty(_packets);
        Assert.True(_end > othersEnd);
    }

    [Fact]
    public void A_few_ports_are_tried_again_where_the_sockets_are_many()
    {
        Run(PunchSchedule.Trying([96], opened: [504]));

        Assert.Equal(96 + 63, _packets.Count);
    }

    [Fact]
    public void Each_stage_waits_for_the_one_before()
    {
        Run(PunchSchedule.Trying(Stages, opened: Stages));

        Assert.Equal(64, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(0.64)));
        Assert.Equal(128, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(1.28)));
        Assert.Equal(256, _openers.Count(opener => opener.At < Start + TimeSpan.FromSeconds(2.56)));
    }

    [Fact]
    public void Openers_do_not_come_in_one_burst()
    {
        Run(PunchSchedule.Trying(Stages, opened: Stages));

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
        Run(PunchSchedule.Trying(Stages, opened: Stages), lateness: Milliseconds(15));

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
