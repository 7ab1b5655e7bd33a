namespace Stun.Server.Core;

/// <summary>What one receiver has done so far. One thread counts; any thread reads.</summary>
internal sealed class StunCounters
{
    private static readonly int ReasonCount = Enum.GetValues<StunDropReason>().Length;

    private readonly long[] _drops = new long[ReasonCount];
    private readonly long[] _answers = new long[4]; // By family, then by kind.

    /// <summary>Answers made.</summary>
    public long Answers(bool isIpv4, bool isError) => Volatile.Read(ref _answers[IndexOf(isIpv4, isError)]);

    /// <summary>Datagrams that got no answer for this reason.</summary>
    public long Drops(StunDropReason reason) => Volatile.Read(ref _drops[(int)reason]);

    public void CountAnswer(bool isIpv4, bool isError) => Increment(ref _answers[IndexOf(isIpv4, isError)]);

    public void CountDrop(StunDropReason reason) => Increment(ref _drops[(int)reason]);

    private static int IndexOf(bool isIpv4, bool isError) => (isIpv4 ? 0 : 2) + (isError ? 1 : 0);

    private static void Increment(ref long counter) => Volatile.Write(ref counter, counter + 1); // No lock: there is one writer.
}
