using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>One way that a round tries: one of our sockets, one address of the peer, and the check that goes there.</summary>
internal readonly record struct PunchLine(PairId Pair, PingId Check, Instant OpenedAt);

/// <summary>One end's part in one round: which line is opened when, and when a packet goes on which. It sends nothing itself.</summary>
internal sealed class PunchRun
{
    /// <summary>What the last packets may still bring about.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    /// <summary>From one packet to the next on one line.</summary>
    private static readonly TimeSpan PassInterval = TimeSpan.FromMilliseconds(200);

    private readonly PunchSchedule _schedule;
    private readonly Instant _start;
    private readonly List<PunchLine> _lines = [];
    private Instant _nextOpener;
    private Instant _nextPacket;
    private int _burst;

    public PunchRun(PunchSchedule schedule, Instant start)
    {
        _schedule = schedule;
        _start = start;
        _nextOpener = start;
        _nextPacket = start;
    }

    /// <summary>The lines opened so far.</summary>
    public IReadOnlyList<PunchLine> Lines => _lines;

    /// <summary>Packets sent so far.</summary>
    public int Packets { get; private set; }

    /// <summary>Stages in all.</summary>
    public int Stages => _schedule.Stages.Count;

    /// <summary>When something is due: a line, a packet, or the end.</summary>
    public Instant NextTimeout
    {
        get
        {
            Instant next = Instant.Min(NextOpener, NextPacket);
            return next == Instant.Never ? End : next;
        }
    }

    /// <summary>The stage under way, from 1.</summary>
    public int StageAt(Instant now) => now < _start ? 1 : _schedule.StageAt(now - _start) + 1;

    /// <summary>Says whether everything was sent, and answers have had their time.</summary>
    public bool IsOver(Instant now) => NextOpener == Instant.Never && NextPacket == Instant.Never && now >= End;

    /// <summary>Says whether the next line is due to be opened.</summary>
    public bool WantsLine(Instant now) => NextOpener <= now;

    /// <summary>A line was opened: its opener is sent.</summary>
    public void Add(PunchLine line)
    {
        _lines.Add(line);
        if (++_burst < PunchTiming.OpenersAtOnce) return;
        _burst = 0;
        _nextOpener = line.OpenedAt + PunchTiming.PacketInterval;
    }

    /// <summary>Takes the line whose packet is due.</summary>
    public bool TryTakePacket(Instant now, out PunchLine line)
    {
        line = default;
        if (NextPacket > now) return false;

        // Never ahead of the pace; and what a late timer has missed is not made up for at once.
        Instant due = NextPacket;
        line = _lines[Packets % _schedule.Total];
        Packets++;
        _nextPacket = (now - due < PunchTiming.PacketInterval ? due : now) + PunchTiming.PacketInterval;
        return true;
    }

    /// <summary>The end, once nothing is left to send.</summary>
    private Instant End => Instant.Max(_nextPacket, _start + _schedule.Lasts) + Linger;

    private Instant NextOpener
    {
        get
        {
            if (_lines.Count >= _schedule.Total) return Instant.Never;
            int stage = 0;
            while (_schedule.Stages[stage] <= _lines.Count) stage++;
            return Instant.Max(_nextOpener, _start + PunchSchedule.StartOf(_schedule.Stages, stage));
        }
    }

    private Instant NextPacket
    {
        get
        {
            if (Packets >= _schedule.Packets) return Instant.Never;
            TimeSpan pass = PunchTiming.PacketInterval * _schedule.Total;
            Instant due = Instant.Max(_nextPacket, _start + _schedule.PacketsFrom + (pass > PassInterval ? pass : PassInterval) * (Packets / _schedule.Total));
            int index = Packets % _schedule.Total;
            return index < _lines.Count ? Instant.Max(due, _lines[index].OpenedAt + PunchTiming.OpenerLead) : Instant.Max(due, NextOpener + PunchTiming.OpenerLead);
        }
    }
}
