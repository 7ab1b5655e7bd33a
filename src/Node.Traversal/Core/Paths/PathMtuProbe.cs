using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// Finds the longest packet that a path carries whole, by padded checks that no router may cut (after RFC 8899): the longest first, for most
/// paths carry it, then by halves. An answer proves a length; only several checks without one refute it. It says nothing of whether the path lives.
/// </summary>
internal sealed class PathMtuProbe
{
    /// <summary>The longest that is asked for: Ethernet's. A path may carry more.</summary>
    public const int Longest = 1500;

    /// <summary>How long a finding stands, while there is traffic.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    /// <summary>Packets of one length that must all go unanswered.</summary>
    public const int Tries = 3;

    /// <summary>An answer that takes this many round trips, and this long at the least, does not come.</summary>
    private const int PatienceRtts = 4;
    private static readonly TimeSpan LeastPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>What is asked for, in bytes of the IP packet: where tunnels and access lines commonly end, from IPv6's least (RFC 8200 §5) on.</summary>
    private static readonly int[] Lengths = [1280, 1340, 1360, 1380, 1400, 1420, 1440, 1460, 1480, 1492, Longest];

    private readonly PingId[] _asked = new PingId[Tries]; // With the present length.
    private int _tries;
    private int _length; // An index into the lengths, like the two below.
    private int _carried = -1; // The longest that was answered; -1 = none was.
    private int _refuted = Lengths.Length; // The shortest that was not.
    private bool _isSearching;
    private Instant? _notBefore;

    /// <summary>The longest IP packet that was answered, in bytes, its headers included; null = not known, or the path carries not even 1280.</summary>
    public int? Mtu { get; private set; }

    /// <summary>When <see cref="Take"/> is due; null = nothing is planned.</summary>
    public Instant? Next { get; private set; }

    /// <summary>The path is another one, or may be.</summary>
    public void Forget()
    {
        Mtu = null;
        _notBefore = null;
        Pause();
    }

    /// <summary>The path is not fit to be measured, or nobody uses it: a search under way is void, what was found stays.</summary>
    public void Pause()
    {
        Next = null;
        _tries = 0;
        _isSearching = false;
    }

    /// <summary>The path is known to work and is in use. Plans a search, unless one is planned or under way.</summary>
    public void Begin(Instant now) => Next ??= _notBefore is { } earliest ? Instant.Max(now, earliest) : now;

    /// <summary>Does what is due.</summary>
    /// <param name="id">The id of the check to be sent.</param>
    /// <param name="rtt">The path's round trip; null = not known.</param>
    /// <param name="now">The present.</param>
    /// <returns>The length of the IP packet to send, in bytes; 0 = none, the search is over.</returns>
    public int Take(PingId id, TimeSpan? rtt, Instant now)
    {
        if (!_isSearching)
        {
            _isSearching = true;
            _carried = -1;
            _refuted = Lengths.Length;
            _length = Lengths.Length - 1;
        }
        else if (_tries == Tries)
        {
            _refuted = _length;
            if (!TryChooseLength(now)) return 0;
        }

        _asked[_tries++] = id;
        TimeSpan patience = (rtt ?? TimeSpan.Zero) * PatienceRtts;
        Next = now + (patience > LeastPatience ? patience : LeastPatience);
        return Lengths[_length];
    }

    /// <summary>Takes an answer that came over the path; false where it answers no check of this search's present length.</summary>
    public bool HandlePong(PingId id, Instant now)
    {
        if (!_asked.AsSpan(0, _tries).Contains(id)) return false;
        _carried = _length;
        if (TryChooseLength(now)) Next = now;
        return true;
    }

    /// <summary>Halves what is left; false where nothing is, and the search over.</summary>
    private bool TryChooseLength(Instant now)
    {
        _tries = 0;
        _length = (_carried + _refuted) / 2;
        if (_refuted - _carried > 1) return true;

        _isSearching = false;
        Mtu = _carried < 0 ? null : Lengths[_carried];
        Next = _notBefore = now + Interval;
        return false;
    }
}
