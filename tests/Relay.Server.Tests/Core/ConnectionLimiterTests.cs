using Addresses;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

public class ConnectionLimiterTests
{
    private readonly List<ConnectionLease> _leases = [];
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(100);
    private ServerLimits _limits = new() { MaxConnections = 8, MaxConnectionsPerPrefix = 4, MaxHandshakes = 6, MaxHandshakesPerPrefix = 2, Accepts = new Rate(100, 100) };

    [Fact]
    public void Connections_in_all_and_handshakes_in_all_are_bounded()
    {
        ConnectionLimiter limiter = new(() => _limits);
        for (int i = 0; i < 6; i++) Accept(limiter, $"192.0.{i}.1:1");
        Assert.Equal(ConnectionRefusal.Handshakes, Try(limiter, "192.0.9.1:1"));

        foreach (ConnectionLease lease in _leases) lease.EndHandshake();
        Accept(limiter, "192.0.9.1:1");
        Accept(limiter, "192.0.10.1:1");
        Assert.Equal(ConnectionRefusal.Connections, Try(limiter, "192.0.11.1:1"));
        Assert.Equal((8, 2), (limiter.Connections, limiter.Handshakes));

        _leases[0].Dispose();
        Accept(limiter, "192.0.11.1:1");
        Assert.Equal(1, limiter.Refused(ConnectionRefusal.Connections));
    }

    [Theory]
    [InlineData("192.0.2.1:1", "192.0.2.250:9", "192.0.3.1:1")]
    [InlineData("[2001:db8:0:1200::1]:1", "[2001:db8:0:12ff::9]:9", "[2001:db8:0:1300::1]:1")]
    public void A_prefix_has_bounds_of_its_own(string one, string sameNetwork, string other)
    {
        ConnectionLimiter limiter = new(() => _limits);
        Accept(limiter, one);
        Accept(limiter, sameNetwork);
        Assert.Equal(ConnectionRefusal.PrefixHandshakes, Try(limiter, one));
        Accept(limiter, other);

        foreach (ConnectionLease lease in _leases) lease.EndHandshake();
        Accept(limiter, one);
        Accept(limiter, one);
        _leases[^1].EndHandshake();
        Assert.Equal(ConnectionRefusal.PrefixConnections, Try(limiter, sameNetwork));
    }

    [Theory]
    [InlineData("127.0.0.1:1")]
    [InlineData("127.9.8.7:1")]
    [InlineData("[::1]:1")]
    [InlineData("[::ffff:127.0.0.1]:1")]
    public void Loopback_is_exempt_from_what_goes_by_prefix(string loopback)
    {
        ConnectionLimiter limiter = new(() => _limits);
        for (int i = 0; i < 6; i++) Accept(limiter, loopback);

        Assert.Equal(ConnectionRefusal.Handshakes, Try(limiter, loopback));
        Assert.Equal(0, limiter.Prefixes);
    }

    [Fact]
    public void Over_the_rate_it_refuses_and_goes_on_and_refusals_use_up_nothing()
    {
        _limits = _limits with { MaxConnections = 1000, MaxHandshakes = 1000, Accepts = new Rate(10, 20) };
        ConnectionLimiter limiter = new(() => _limits);
        int accepted = Enumerable.Range(0, 100).Count(_ => Try(limiter, "127.0.0.1:1") == ConnectionRefusal.None);
        Assert.Equal(20, accepted);

        _now += TimeSpan.FromSeconds(1);
        accepted = Enumerable.Range(0, 100).Count(_ => Try(limiter, "127.0.0.1:1") == ConnectionRefusal.None);
        Assert.Equal(10, accepted);
        Assert.Equal(170, limiter.Refused(ConnectionRefusal.AcceptRate));
    }

    [Fact]
    public void A_connection_by_a_proxy_counts_for_whom_the_proxy_names()
    {
        ConnectionLimiter limiter = new(() => _limits);
        for (int i = 0; i < 3; i++) Accept(limiter, null);
        TransportAddress client = Parse("192.0.2.7:0");

        Assert.True(_leases[0].TryAttribute(client));
        Assert.True(_leases[1].TryAttribute(client));
        Assert.False(_leases[2].TryAttribute(client));

        Assert.Equal(ConnectionRefusal.PrefixHandshakes, Try(limiter, "192.0.2.1:1"));
        foreach (ConnectionLease lease in _leases) lease.Dispose();
        Assert.Equal((0, 0, 0), (limiter.Connections, limiter.Handshakes, limiter.Prefixes));
    }

    [Fact]
    public void However_connections_come_and_go_nothing_is_left_behind()
    {
        Random random = new(5);
        _limits = new ServerLimits { MaxHandshakesPerPrefix = 3, MaxConnectionsPerPrefix = 5, Accepts = default };
        ConnectionLimiter limiter = new(() => _limits);
        for (int step = 0; step < 20_000; step++)
        {
            string address = $"198.51.{random.Next(20)}.{random.Next(256)}:1";
            if (random.Next(2) == 0) Try(limiter, address);
            if (_leases.Count == 0) continue;
            ConnectionLease lease = _leases[random.Next(_leases.Count)];
            if (random.Next(3) == 0) lease.EndHandshake();
            if (random.Next(10) == 0) lease.TryAttribute(Parse(address));
            if (random.Next(3) != 0) continue;
            lease.Dispose();
            lease.Dispose(); // Twice is once.
            _leases.Remove(lease);
            Assert.True(limiter.Prefixes <= 20);
        }

        foreach (ConnectionLease lease in _leases) lease.Dispose();
        Assert.Equal((0, 0, 0), (limiter.Connections, limiter.Handshakes, limiter.Prefixes));
    }

    private void Accept(ConnectionLimiter limiter, string? remote) => Assert.Equal(ConnectionRefusal.None, Try(limiter, remote));

    private ConnectionRefusal Try(ConnectionLimiter limiter, string? remote)
    {
        ConnectionRefusal refusal = limiter.TryAccept(remote is null ? default : Parse(remote), _now, out ConnectionLease? lease);
        if (lease is not null) _leases.Add(lease);
        return refusal;
    }

    private static TransportAddress Parse(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));
        return address;
    }
}
