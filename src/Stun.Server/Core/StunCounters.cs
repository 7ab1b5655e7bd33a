namespace Stun.Server.Core;

/// <summary>What one receiver has done so far. One thread at a time counts; any thread reads.</summary>
/// <param name="transport">How what is counted came in.</param>
internal sealed class StunCounters(StunTransport transport)
{
    private const int Families = 2;
    private static readonly int ReasonCount = Enum.GetValues<StunDropReason>().Length;
    private static readonly int RequestKindCount = Enum.GetValues<StunRequestKind>().Length;
    private static readonly int AnswerKindCount = Enum.GetValues<StunAnswerKind>().Length;

    private readonly long[] _requests = new long[RequestKindCount * Families];
    private readonly long[] _answers = new long[AnswerKindCount * Families];
    private readonly long[] _drops = new long[ReasonCount];

    /// <summary>How what is counted came in.</summary>
    public StunTransport Transport => transport;

    /// <summary>Requests that were understood, whatever became of them.</summary>
    public long Requests(bool isIpv4, StunRequestKind kind) => Volatile.Read(ref _requests[IndexOf(isIpv4, (int)kind)]);

    /// <summary>Answers made.</summary>
    public long Answers(bool isIpv4, StunAnswerKind kind) => Volatile.Read(ref _answers[IndexOf(isIpv4, (int)kind)]);

    /// <summary>Datagrams, messages and answers that were dropped for this reason.</summary>
    public long Drops(StunDropReason reason) => Volatile.Read(ref _drops[(int)reason]);

    public void CountRequest(bool isIpv4, StunRequestKind kind) => Increment(ref _requests[IndexOf(isIpv4, (int)kind)]);

    public void CountAnswer(bool isIpv4, StunAnswerKind kind) => Increment(ref _answers[IndexOf(isIpv4, (int)kind)]);

    public void CountDrop(StunDropReason reason) => Increment(ref _drops[(int)reason]);

    private static int IndexOf(bool isIpv4, int kind) => (kind * Families) + (isIpv4 ? 0 : 1);

    private static void Increment(ref long counter) => Volatile.Write(ref counter, counter + 1); // No lock: there is one writer.
}
