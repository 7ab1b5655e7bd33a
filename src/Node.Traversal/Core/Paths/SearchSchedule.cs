using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// When all candidates are checked while there is no direct path. A search begins with rounds of several volleys, close together, so that
/// the checks of both sides cross however the start was skewed; then single volleys, for as long as there is traffic to carry.
/// </summary>
internal sealed class SearchSchedule
{
    /// <summary>The volleys of a round, after its start. The gaps grow: a lost packet costs little, a dead address not much more.</summary>
    private static readonly TimeSpan[] VolleyOffsets =
    [
        TimeSpan.Zero, TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(1000),
    ];

    /// <summary>Rounds of all volleys; later ones have just the first.</summary>
    private const int FullRounds = 3;

    /// <summary>Rounds made without traffic; then the search rests until there is some.</summary>
    private const int IdleRounds = 5;

    /// <summary>From round to round: a healed path is found within this, and it keeps our NAT's mappings open (30 s at the least).</summary>
    private static readonly TimeSpan RoundInterval = TimeSpan.FromSeconds(2);

    /// <summary>From round to round where success is unlikely (both NATs hard, UDP blocked): only a change of network helps, and that starts anew.</summary>
    private static readonly TimeSpan HopelessInterval = TimeSpan.FromSeconds(30);

    private Instant _heldUntil;
    private Instant _roundStart;
    private int _volley;

    /// <summary>When the next volley is due; null = at rest.</summary>
    public Instant? NextVolley { get; private set; }

    /// <summary>Rounds begun in this search.</summary>
    public int Rounds { get; private set; }

    /// <summary>Says that the round under way is one of several volleys.</summary>
    public bool IsFullRound => Rounds <= FullRounds;

    /// <summary>Starts a search, or starts it over.</summary>
    public void Start(Instant now)
    {
        Rounds = 0;
        BeginRound(Instant.Max(now, _heldUntil));
    }

    /// <summary>Starts a search at that instant, and none before it: the other end begins then too.</summary>
    public void StartAt(Instant at)
    {
        _heldUntil = at;
        Start(at);
    }

    /// <summary>Says that the instant agreed on has not come yet.</summary>
    public bool IsHeld(Instant now) => now < _heldUntil;

    /// <summary>Starts a search where none goes on; one that goes on is left alone.</summary>
    public void Resume(Instant now)
    {
        if (NextVolley is null) Start(now);
    }

    /// <summary>A direct path was found: nothing more is planned, and the next search is a new one.</summary>
    public void Stop()
    {
        NextVolley = null;
        Rounds = 0;
    }

    /// <summary>Moves past the volley that is due.</summary>
    /// <returns>True where it was the first of its round.</returns>
    public bool TakeVolley(Instant now, bool hasTraffic, bool isHopeless)
    {
        bool isFirst = _volley == 0;
        _volley++;
        int volleys = IsFullRound ? VolleyOffsets.Length : 1;
        if (_volley < volleys)
        {
            NextVolley = _roundStart + VolleyOffsets[_volley];
            return isFirst;
        }

        if (!hasTraffic && Rounds >= IdleRounds)
        {
            NextVolley = null;
            return isFirst;
        }

        Instant next = _roundStart + (isHopeless && !IsFullRound ? HopelessInterval : RoundInterval);
        BeginRound(Instant.Max(next, now));
        return isFirst;
    }

    private void BeginRound(Instant at)
    {
        Rounds++;
        _roundStart = at;
        _volley = 0;
        NextVolley = at;
    }
}
