using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>One round under way: it opens the lines, sends their packets, and knows the checks that an answer may be to.</summary>
internal sealed class PunchRound(NodeContext context, PeerSession peer, PunchLines lines, byte openerHops, Instant start)
{
    private readonly PunchRun _run = new(lines.Schedule, start);
    private readonly Dictionary<PingId, (PairId Pair, Instant SentAt)> _checks = [];

    /// <summary>What was sent so far.</summary>
    public PunchRun Run => _run;

    /// <summary>Says whether a pair is one of the round's lines.</summary>
    public bool Has(PairId pair) => _run.Lines.Any(line => line.Pair == pair);

    /// <summary>Sends what is due.</summary>
    public void Step(Instant now)
    {
        while (_run.WantsLine(now))
        {
            PunchLine line = new(lines[_run.Lines.Count], NewId(context), now);
            _run.Add(line);
            Check(line, openerHops, now);
        }

        while (_run.TryTakePacket(now, out PunchLine line)) Check(line, ttl: 0, now);
    }

    /// <summary>When the check was sent that an answer on this pair is to; null = it is to none.</summary>
    public Instant? SentAt(PairId arrivedOn, PingId id) =>
        _checks.TryGetValue(id, out (PairId Pair, Instant SentAt) check) && check.Pair == arrivedOn ? check.SentAt : null;

    /// <summary>A new check's name.</summary>
    public static PingId NewId(NodeContext context)
    {
        Span<byte> random = stackalloc byte[PingId.Length];
        context.Options.Entropy(random);
        return PingId.Read(random);
    }

    private void Check(PunchLine line, byte ttl, Instant now)
    {
        _checks[line.Check] = (line.Pair, now);
        peer.SendCheck(new PathCheck(line.Pair, line.Check) { Ttl = ttl });
    }
}
