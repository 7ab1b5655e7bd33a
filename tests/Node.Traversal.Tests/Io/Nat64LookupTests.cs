using System.Net;
using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Traversal.Io;
using Node.Traversal.Tests.Core;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Io;

/// <summary>Where a machine of the map is reached from a network without IPv4.</summary>
public class Nat64LookupTests
{
    private static readonly RelayNode Both = new() { Name = "a", HostName = "a", Ipv4 = Address("198.51.100.1:0"), Ipv6 = Address("[2001:db8:5::1]:0") };
    private static readonly RelayNode Ipv4Alone = Both with { Ipv6 = default, IsIpv6Off = true };

    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _asked = [];
    private Func<Task<IPAddress[]>> _answer = () => Task.FromResult<IPAddress[]>([IPAddress.Parse("192.0.0.170"), IPAddress.Parse("64:ff9b::192.0.0.170")]);
    private bool _hasIpv4;

    [Fact]
    public async Task Ipv4_addresses_are_translated_and_come_behind_the_ipv6_ones()
    {
        MarkedDns dns = NewDns();

        Assert.Equal([Address("[2001:db8:5::1]:443"), Address("[64:ff9b::198.51.100.1]:443")], await dns.ResolveAsync(Both, 443, default));
        Assert.Equal([Address("[64:ff9b::198.51.100.1]:443")], await dns.ResolveAsync(Ipv4Alone, 443, default));
    }

    [Fact]
    public async Task Where_there_is_ipv4_or_nothing_to_translate_nobody_is_asked()
    {
        MarkedDns dns = NewDns();
        await dns.ResolveAsync(Both with { Ipv4 = default }, 443, default);
        await dns.ResolveAsync(Ipv4Alone with { Ipv4 = Address("127.0.0.1:0") }, 443, default);
        _hasIpv4 = true;

        Assert.Equal([Address("198.51.100.1:443"), Address("[2001:db8:5::1]:443")], await dns.ResolveAsync(Both, 443, default));

        Assert.Empty(_asked);
    }

    [Fact]
    public async Task One_question_serves_all_that_is_looked_up_together_and_no_other_network()
    {
        MarkedDns dns = NewDns();
        for (int i = 0; i < 5; i++) await dns.ResolveAsync(Ipv4Alone, 443, default);
        Assert.Equal(["ipv4only.arpa"], _asked);

        _time.Advance(TimeSpan.FromSeconds(10));
        await dns.ResolveAsync(Ipv4Alone, 443, default);
        Assert.Equal(2, _asked.Count);

        _answer = () => Task.FromResult<IPAddress[]>([IPAddress.Parse("192.0.0.170")]);
        dns.Nat64.Forget();
        Assert.Equal([Address("198.51.100.1:443")], await dns.ResolveAsync(Ipv4Alone, 443, default)); // Not what was found before.
    }

    [Fact]
    public async Task Name_servers_that_fail_later_do_not_take_a_prefix_away_but_may_name_another()
    {
        MarkedDns dns = NewDns();
        TransportAddress[] translated = [Address("[64:ff9b::198.51.100.1]:443")];
        Assert.Equal(translated, await dns.ResolveAsync(Ipv4Alone, 443, default));

        _time.Advance(TimeSpan.FromSeconds(10));
        _answer = () => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.TryAgain));
        Assert.Equal(translated, await dns.ResolveAsync(Ipv4Alone, 443, default));

        _time.Advance(TimeSpan.FromSeconds(10));
        _answer = () => new TaskCompletionSource<IPAddress[]>().Task;
        Task<IReadOnlyList<TransportAddress>> slow = dns.ResolveAsync(Ipv4Alone, 443, default);
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(translated, await slow);

        _time.Advance(TimeSpan.FromSeconds(10));
        _answer = () => Task.FromResult<IPAddress[]>([IPAddress.Parse("2001:db8:64::192.0.0.171"), IPAddress.Parse("64:ff9b::192.0.0.171")]);
        Assert.Equal(translated, await dns.ResolveAsync(Ipv4Alone, 443, default)); // Of several the one in use.

        _time.Advance(TimeSpan.FromSeconds(10));
        _answer = () => Task.FromResult<IPAddress[]>([IPAddress.Parse("2001:db8:64::192.0.0.171")]);
        Assert.Equal([Address("[2001:db8:64::198.51.100.1]:443")], await dns.ResolveAsync(Ipv4Alone, 443, default));
    }

    [Fact]
    public async Task Name_servers_that_hang_hold_it_up_for_three_seconds()
    {
        _answer = () => new TaskCompletionSource<IPAddress[]>().Task;

        Task<IReadOnlyList<TransportAddress>> slow = NewDns().ResolveAsync(Ipv4Alone, 443, default);
        Assert.False(slow.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal([Address("198.51.100.1:443")], await slow);
    }

    private MarkedDns NewDns() => new(() => 0, _time, NullLogger.Instance, AskAsync, () => _hasIpv4);

    private Task<IPAddress[]> AskAsync(string name, CancellationToken cancellation)
    {
        _asked.Add(name);
        return _answer();
    }
}
