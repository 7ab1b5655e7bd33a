using Addresses;
using Timing;

namespace Relay.Server.Core;

/// <summary>Why a connection is not accepted, or not for longer.</summary>
internal enum ConnectionRefusal
{
    /// <summary>It is accepted.</summary>
    None,

    /// <summary>There are as many connections as there may be.</summary>
    Connections,

    /// <summary>There are as many of its address prefix as there may be.</summary>
    PrefixConnections,

    /// <summary>As many as may have yet to log in.</summary>
    Handshakes,

    /// <summary>As many of its address prefix as may have yet to log in.</summary>
    PrefixHandshakes,

    /// <summary>More have come than may in a second.</summary>
    AcceptRate,

    /// <summary>The process has no descriptors left.</summary>
    Descriptors,
}

/// <summary>
/// Decides which connections are accepted: in all, by address prefix and by rate, those that have yet to log in apart. Loopback is exempt from
/// what goes by prefix, for a proxy or a test has no other address. Any thread may ask.
/// </summary>
internal sealed class ConnectionLimiter(Func<ServerLimits> limits)
{
    /// <summary>IPv4: the smallest network that is routed. IPv6: what a provider gives one customer.</summary>
    public const int Ipv4PrefixLength = 24;

    /// <inheritdoc cref="Ipv4PrefixLength"/>
    public const int Ipv6PrefixLength = 56;

    private const int AddressLength = 128;
    private static readonly UInt128 Exempt = UInt128.Zero; // ::/56 has no senders but loopback.

    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, PrefixUse> _prefixes = []; // One for each prefix that has connections: as bounded as these are.
    private readonly long[] _refused = new long[Enum.GetValues<ConnectionRefusal>().Length];
    private Quota _accepts;
    private int _connections;
    private int _handshakes;

    /// <summary>Connections at present.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Those of them that have yet to log in.</summary>
    public int Handshakes => Volatile.Read(ref _handshakes);

    /// <summary>Address prefixes with connections at present.</summary>
    public int Prefixes
    {
        get
        {
            lock (_lock) return _prefixes.Count;
        }
    }

    /// <summary>Connections refused for a reason.</summary>
    public long Refused(ConnectionRefusal reason) => Volatile.Read(ref _refused[(int)reason]);

    /// <summary>Counts a connection that could not be accepted for a reason outside.</summary>
    public void CountRefused(ConnectionRefusal reason) => Interlocked.Increment(ref _refused[(int)reason]);

    /// <summary>Takes a connection that has just come in, or says why not.</summary>
    /// <param name="remote">Where it comes from.</param>
    /// <param name="now">The present.</param>
    /// <param name="lease">What keeps its place, until it is disposed; null where it is refused.</param>
    public ConnectionRefusal TryAccept(TransportAddress remote, Instant now, out ConnectionLease? lease)
    {
        lease = null;
        UInt128 prefix = PrefixOf(remote);
        lock (_lock)
        {
            ConnectionRefusal refusal = Judge(prefix, now);
            if (refusal != ConnectionRefusal.None)
            {
                _refused[(int)refusal]++;
                return refusal;
            }

            _connections++;
            _handshakes++;
            Change(prefix, connections: 1, handshakes: 1);
            lease = new ConnectionLease(this, prefix);
            return ConnectionRefusal.None;
        }
    }

    internal void EndHandshake(ref LeaseState lease)
    {
        lock (_lock)
        {
            if (!lease.IsHandshake || lease.IsReleased) return;
            lease.IsHandshake = false;
            _handshakes--;
            Change(lease.Prefix, connections: 0, handshakes: -1);
        }
    }

    internal void Release(ref LeaseState lease)
    {
        lock (_lock)
        {
            if (lease.IsReleased) return;
            lease.IsReleased = true;
            int handshakes = lease.IsHandshake ? 1 : 0;
            _connections--;
            _handshakes -= handshakes;
            Change(lease.Prefix, connections: -1, -handshakes);
        }
    }

    /// <summary>A proxy has said for whom the connection is: it counts for that prefix from now on.</summary>
    internal bool TryMove(ref LeaseState lease, TransportAddress client)
    {
        UInt128 to = PrefixOf(client);
        lock (_lock)
        {
            if (lease.IsReleased || to == lease.Prefix) return true;
            ConnectionRefusal refusal = JudgePrefix(to);
            if (refusal != ConnectionRefusal.None)
            {
                _refused[(int)refusal]++;
                return false;
            }

            int handshakes = lease.IsHandshake ? 1 : 0;
            Change(lease.Prefix, connections: -1, -handshakes);
            Change(to, connections: 1, handshakes);
            lease.Prefix = to;
            return true;
        }
    }

    private ConnectionRefusal Judge(UInt128 prefix, Instant now)
    {
        if (_connections >= limits().MaxConnections) return ConnectionRefusal.Connections;
        if (_handshakes >= limits().MaxHandshakes) return ConnectionRefusal.Handshakes;
        ConnectionRefusal ofPrefix = JudgePrefix(prefix);
        if (ofPrefix != ConnectionRefusal.None) return ofPrefix;
        return _accepts.TryCharge(1, limits().Accepts, now) ? ConnectionRefusal.None : ConnectionRefusal.AcceptRate; // Last: who is refused otherwise uses up nobody's turn.
    }

    private ConnectionRefusal JudgePrefix(UInt128 prefix)
    {
        if (prefix == Exempt || !_prefixes.TryGetValue(prefix, out PrefixUse use)) return ConnectionRefusal.None;
        if (use.Connections >= limits().MaxConnectionsPerPrefix) return ConnectionRefusal.PrefixConnections;
        return use.Handshakes >= limits().MaxHandshakesPerPrefix ? ConnectionRefusal.PrefixHandshakes : ConnectionRefusal.None;
    }

    private void Change(UInt128 prefix, int connections, int handshakes)
    {
        if (prefix == Exempt) return;
        _prefixes.TryGetValue(prefix, out PrefixUse use);
        use = new PrefixUse(use.Connections + connections, use.Handshakes + handshakes);
        if (use.Connections == 0) _prefixes.Remove(prefix);
        else _prefixes[prefix] = use;
    }

    private static UInt128 PrefixOf(TransportAddress remote)
    {
        if (!remote.IsValid || AddressScopes.ScopeOf(remote) == AddressScope.Loopback) return Exempt;
        int length = remote.IsIpv4 ? AddressLength - 32 + Ipv4PrefixLength : Ipv6PrefixLength;
        return remote.Bits & (UInt128.MaxValue << (AddressLength - length));
    }

    private readonly record struct PrefixUse(int Connections, int Handshakes);
}

/// <summary>How a connection is counted; kept by <see cref="ConnectionLimiter"/> under its lock.</summary>
internal record struct LeaseState(UInt128 Prefix, bool IsHandshake, bool IsReleased);

/// <summary>A connection's place within the limits. Disposing it, once, gives the place back. Any thread may.</summary>
internal sealed class ConnectionLease(ConnectionLimiter limiter, UInt128 prefix) : IDisposable
{
    private LeaseState _state = new(prefix, IsHandshake: true, IsReleased: false);

    /// <summary>The client has logged in.</summary>
    public void EndHandshake() => limiter.EndHandshake(ref _state);

    /// <summary>A trusted proxy has said for whom the connection is.</summary>
    /// <returns>False where that prefix has as many as it may: the connection is to end.</returns>
    public bool TryAttribute(TransportAddress client) => limiter.TryMove(ref _state, client);

    public void Dispose() => limiter.Release(ref _state);
}
