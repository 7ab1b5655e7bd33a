using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>What an answer says of the data before it.</summary>
internal enum DataPassage
{
    /// <summary>Nothing: none was sent, or too little is missing.</summary>
    Unknown,

    /// <summary>Some has arrived.</summary>
    Arrives,

    /// <summary>It does not pass.</summary>
    Blocked,
}

/// <summary>
/// Says whether data passes where checks do. The peer counts the data packets it has received from us directly, and tells the count in
/// each answer to a check; what we sent before that check should be in it. Traffic that goes one way only is judged rightly, for what we
/// hear from the peer does not count, and without data there is nothing to judge.
/// </summary>
internal sealed class DataProof
{
    /// <summary>Data packets in a row that the peer has missed before data counts as not passing: fewer may be lost by chance.</summary>
    private const long MissingPackets = 5;

    /// <summary>How long none may have arrived before data counts as not passing. It goes by relay as well meanwhile.</summary>
    private static readonly TimeSpan MissingFor = TimeSpan.FromSeconds(1);

    private long _sent;
    private uint _received;
    private bool _hasBaseline;
    private long _missing;
    private Instant? _missingSince;

    /// <summary>Says that the peer has received data of ours on this path, and missed none of late; or that it does not count.</summary>
    public bool IsProven { get; private set; }

    /// <summary>Another path was selected, or the peer counts anew: nothing is known.</summary>
    public void Begin()
    {
        IsProven = false;
        _hasBaseline = false;
        _missing = 0;
        _missingSince = null;
    }

    /// <summary>Takes what the peer says in an answer.</summary>
    /// <param name="sent">Data packets we had sent directly when the check was.</param>
    /// <param name="received">Data packets it had received directly, modulo 2³²; null = it does not say.</param>
    /// <param name="now">The present.</param>
    public DataPassage Take(long sent, uint? received, Instant now)
    {
        if (received is not { } count)
        {
            IsProven = true;
            return DataPassage.Unknown;
        }

        if (!_hasBaseline || (int)(count - _received) < 0)
        {
            SetBaseline(sent, count);
            return DataPassage.Unknown;
        }

        if (sent < _sent) return DataPassage.Unknown; // Overtaken by the answer to a later check.

        long newlySent = sent - _sent;
        bool hasArrived = count != _received;
        SetBaseline(sent, count);
        if (hasArrived)
        {
            IsProven = true;
            _missing = 0;
            _missingSince = null;
            return DataPassage.Arrives;
        }

        if (newlySent == 0) return DataPassage.Unknown;
        IsProven = false;
        _missing += newlySent;
        _missingSince ??= now;
        return _missing >= MissingPackets && now - _missingSince >= MissingFor ? DataPassage.Blocked : DataPassage.Unknown;
    }

    private void SetBaseline(long sent, uint received)
    {
        _sent = sent;
        _received = received;
        _hasBaseline = true;
    }
}
