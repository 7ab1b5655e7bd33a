using System.Globalization;
using System.Text.RegularExpressions;

namespace NatLab;

/// <summary>One answered ping.</summary>
public readonly record struct PingReply(int Sequence, DateTimeOffset At, TimeSpan Rtt);

/// <summary>
/// A <c>ping</c> that runs all the while something is done to the network, and says afterwards what that cost.
/// </summary>
public sealed partial class PingStream
{
    private readonly LabProcess _process;

    private PingStream(LabProcess process, TimeSpan interval)
    {
        _process = process;
        Interval = interval;
    }

    public TimeSpan Interval { get; }

    /// <summary>Begins to ping <paramref name="address"/> from <paramref name="host"/>.</summary>
    public static PingStream Start(LabHost host, string address, TimeSpan interval)
    {
        string seconds = interval.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture);
        return new PingStream(host.Start(["ping", "-n", "-D", "-O", "-i", seconds, address]), interval);
    }

    /// <summary>The answers so far, in the order of their questions; copies of one are left out.</summary>
    public IReadOnlyList<PingReply> Replies =>
        [.. _process.Lines.Select(line => ReplyLine().Match(line)).Where(match => match.Success).Select(ToReply).DistinctBy(reply => reply.Sequence).OrderBy(reply => reply.Sequence)];

    /// <summary>The last question that was answered or is known to be open: whatever comes after is <see cref="Since"/> this mark.</summary>
    public int Mark() => _process.Lines.Select(line => AnySequence().Match(line)).Where(match => match.Success).Select(SequenceOf).DefaultIfEmpty(0).Max();

    /// <summary>Waits for the first answer to a question after <paramref name="mark"/>.</summary>
    public async Task<PingReply> WaitForReplyAsync(int mark, TimeSpan timeout) =>
        ToReply(ReplyLine().Match(await _process.WaitForLineAsync(line => ReplyLine().Match(line) is { Success: true } match && SequenceOf(match) > mark, timeout)));

    /// <summary>What became of the questions after <paramref name="mark"/>. One that the next has not yet followed is still open, and not counted.</summary>
    public PingLoss Since(int mark)
    {
        PingReply[] answered = [.. Replies.Where(reply => reply.Sequence >= mark)];
        int asked = Mark() - mark;
        int received = answered.Count(reply => reply.Sequence > mark);
        TimeSpan silence = answered.Zip(answered.Skip(1), (one, next) => next.At - one.At).DefaultIfEmpty().Max();
        return new PingLoss(asked, asked - received, silence);
    }

    /// <summary>Ends it, and counts everything since the beginning.</summary>
    public async Task<PingLoss> StopAsync()
    {
        await _process.StopAsync(UnixSignal.Interrupt);
        return Since(0);
    }

    private static PingReply ToReply(Match match) => new(
        SequenceOf(match),
        DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(match.Groups["at"].ValueSpan, CultureInfo.InvariantCulture)),
        TimeSpan.FromMilliseconds(double.Parse(match.Groups["rtt"].ValueSpan, CultureInfo.InvariantCulture)));

    private static int SequenceOf(Match match) => int.Parse(match.Groups["sequence"].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\[(?<at>[\d.]+)\] \d+ bytes from .* icmp_seq=(?<sequence>\d+) .*time=(?<rtt>[\d.]+) ms")]
    private static partial Regex ReplyLine();

    [GeneratedRegex(@"^\[[\d.]+\] .*icmp_seq=(?<sequence>\d+)")]
    private static partial Regex AnySequence();
}

/// <summary>How many pings were asked and lost, and the longest time without an answer.</summary>
public readonly record struct PingLoss(int Asked, int Lost, TimeSpan LongestSilence)
{
    public override string ToString() => $"{Lost} of {Asked} pings lost, {LongestSilence.TotalMilliseconds:0} ms at most without an answer";
}
