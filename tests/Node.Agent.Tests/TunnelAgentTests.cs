using System.Collections.Concurrent;
using Addresses;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Agent.Control;
using Node.Agent.Tests.WireGuard;
using Node.Agent.WireGuard;
using Node.Traversal.Tests;
using Relay.Protocol;
using Settings;

namespace Node.Agent.Tests;

public sealed class TunnelAgentTests : IDisposable
{
    private const string Map = """{"Regions": {"900": {"RegionID": 900, "RegionCode": "lab", "Nodes": [{"Name": "a", "HostName": "127.0.0.1", "IPv4": "127.0.0.1", "DERPPort": 9, "STUNPort": -1}]}}}""";
    private const string Interface = "wg0";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly string _directory = Directory.CreateTempSubdirectory("agent").FullName;
    private readonly FakeWireGuard _wireGuard = new();
    private readonly FakeTimeProvider _time = new();
    private readonly int _numberBase = Random.Shared.Next(1 << 20) * 16; // Loopback addresses follow from keys: other runs on this machine have others.

    private AgentOptions Options => new()
    {
        ConfigFile = Path.Combine(_directory, "wg0.conf"),
        Interface = Interface,
        SocketPath = Path.Combine(_directory, "wg0.sock"),
        WireGuardProgram = _wireGuard.Program,
        PortMapping = false, // A test asks this machine's gateway for nothing.
    };

    private int Self => _numberBase + 1;

    private int First => _numberBase + 2;

    private int Second => _numberBase + 3;

    private int Third => _numberBase + 4;

    [Fact]
    public async Task Peers_without_an_endpoint_get_ours_and_others_keep_theirs()
    {
        WriteConfig(Self, Peer(First), Peer(Second, "Endpoint = 198.51.100.3:7"), Peer(Third, "Endpoint = 198.51.100.4:7", "#Relay = on"));
        _wireGuard.Write(Interface, Self, 51820, "off", (First, "(none)"), (Second, "198.51.100.3:7"), (Third, "198.51.100.4:7"));

        await using (await StartAsync())
        {
            Assert.Equal(OwnAddress(First), Endpoint(First));
            Assert.Equal("198.51.100.3:7", Endpoint(Second).ToString());
            Assert.Equal(OwnAddress(Third), Endpoint(Third));
        }

        Assert.Equal("198.51.100.4:7", Endpoint(Third).ToString());
        Assert.False(File.Exists(Options.SocketPath));
    }

    [Fact]
    public async Task It_answers_for_its_status()
    {
        WriteOrdinary();
        await using TunnelAgent agent = await StartAsync();

        string json = await ControlClient.AskAsync(Options.SocketPath, "json", default);
        string text = await ControlClient.AskAsync(Options.SocketPath, "text", default);

        Assert.Contains($"\"publicKey\":\"{Keys.Peer(Self).ToBase64()}\"", json, StringComparison.Ordinal);
        Assert.Contains(Keys.Peer(First).ToBase64(), text, StringComparison.Ordinal);
        Assert.DoesNotContain(Keys.PrivateText(Self), json + text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_that_roams_away_is_put_back()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        _wireGuard.Write(Interface, Self, 51820, "off", (First, "203.0.113.5:5"), (Second, "(none)"));

        running.Until(() => Endpoint(First) == OwnAddress(First) && Endpoint(Second) == OwnAddress(Second));
    }

    [Fact]
    public async Task An_interface_that_goes_away_and_comes_back_gets_its_endpoints_again()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        _wireGuard.Remove(Interface);
        for (int i = 0; i < 20; i++) running.Step();
        _wireGuard.Write(Interface, Self, 51821, "off", (First, "(none)"));

        running.Until(() => Endpoint(First) == OwnAddress(First));
    }

    [Fact]
    public async Task A_changed_file_adds_and_removes_peers_and_leaves_the_others()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        _wireGuard.Write(Interface, Self, 51820, "off", (First, OwnAddress(First).ToString()), (Third, "(none)"));
        WriteConfig(Self, Peer(First), Peer(Third));

        running.Until(() => Endpoint(Third) == OwnAddress(Third));
        Assert.Equal(OwnAddress(First), Endpoint(First));
        Assert.Equal([First, Third], await StatusPeersAsync());
    }

    /// <summary>A peer that is made anew is without a way for a relayed round trip, and counts from nought.</summary>
    [Fact]
    public async Task A_peer_that_gets_other_addresses_behind_it_keeps_all_that_was_found_of_it()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();
        string? since = await SinceAsync(First);

        _wireGuard.Write(Interface, Self, 51820, "off", (First, OwnAddress(First).ToString()), (Second, OwnAddress(Second).ToString()), (Third, "(none)"));
        WriteConfig(Self, Peer(First, "AllowedIPs = 10.9.1.0/24"), Peer(Second), Peer(Third));
        running.Until(() => Endpoint(Third) == OwnAddress(Third)); // The file was read.

        Assert.Equal(since, await SinceAsync(First));
        Assert.NotEqual(since, await SinceAsync(Third));
    }

    [Fact]
    public async Task A_peer_that_gets_an_endpoint_in_the_file_is_handed_over()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        WriteConfig(Self, Peer(First), Peer(Second, "Endpoint = 198.51.100.3:7"));

        running.Until(() => Endpoint(Second).ToString() == "198.51.100.3:7");
        Assert.Equal([First], await StatusPeersAsync());
    }

    [Fact]
    public async Task A_file_that_cannot_be_used_changes_nothing()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        File.WriteAllText(Options.ConfigFile, "[Interface]\nPrivateKey = damaged");
        running.Agent.AskReload();
        for (int i = 0; i < 10; i++) running.Step();

        Assert.Equal([First, Second], await StatusPeersAsync());
    }

    [Fact]
    public async Task A_new_private_key_is_a_new_node_with_the_same_endpoints()
    {
        WriteOrdinary();
        await using Running running = await RunAsync();

        WriteConfig(Third, Peer(First), Peer(Second));
        running.Agent.AskReload();

        await running.UntilAsync(async () => (await ControlClient.AskAsync(Options.SocketPath, "json", default)).Contains($"\"publicKey\":\"{Keys.Peer(Third).ToBase64()}\"", StringComparison.Ordinal));
        Assert.Equal(OwnAddress(First), Endpoint(First));
        Assert.Equal([First, Second], await StatusPeersAsync());
    }

    [Fact]
    public async Task A_file_without_a_private_key_takes_the_interfaces()
    {
        WriteConfig(null, Peer(First));
        _wireGuard.Write(Interface, Self, 51820, "off", (First, "(none)"));

        await using TunnelAgent agent = await StartAsync();

        Assert.Contains(Keys.Peer(Self).ToBase64(), await ControlClient.AskAsync(Options.SocketPath, "json", default), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_node_itself_among_the_peers_is_left_out()
    {
        WriteConfig(Self, Peer(Self), Peer(First));
        _wireGuard.Write(Interface, Self, 51820, "off", (First, "(none)"));

        await using TunnelAgent agent = await StartAsync();

        Assert.Equal([First], await StatusPeersAsync());
    }

    [Fact]
    public async Task A_second_agent_on_the_interface_is_refused_and_does_no_harm()
    {
        WriteOrdinary();
        await using TunnelAgent agent = await StartAsync();

        await Assert.ThrowsAsync<OptionException>(StartAsync);

        Assert.Equal(OwnAddress(First), Endpoint(First));
        Assert.Equal([First, Second], await StatusPeersAsync());
    }

    [Fact]
    public async Task An_interface_that_is_not_there_is_told()
    {
        WriteConfig(Self, Peer(First));

        Assert.StartsWith("wg0: WireGuard does not answer", (await Assert.ThrowsAsync<OptionException>(StartAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_relay_map_it_does_not_start()
    {
        File.WriteAllText(Options.ConfigFile, $"[Interface]\nPrivateKey = {Keys.PrivateText(Self)}\n");
        _wireGuard.Write(Interface, Self, 51820, "off");

        Assert.StartsWith("--relay-map: it is missing", (await Assert.ThrowsAsync<OptionException>(StartAsync)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mark_that_is_refused_is_said_once_and_holds_up_nothing_else() => Unprivileged.Run(async () =>
    {
        Lines log = new();
        WriteOrdinary();
        await using Running running = new(await TunnelAgent.StartAsync(Options, null, log, _time, CancellationToken.None), _time);

        _wireGuard.Write(Interface, Self, 51820, "0x1234", (First, "203.0.113.5:5"), (Second, "(none)"), (Third, "(none)"));
        await running.PumpUntilAsync(() => Endpoint(First) == OwnAddress(First)); // It has roamed away.
        WriteConfig(Self, Peer(First), Peer(Second), Peer(Third));
        await running.PumpUntilAsync(() => Endpoint(Third) == OwnAddress(Third)); // Another peer is carried.
        int looks = 0;
        await running.PumpUntilAsync(() => ++looks > 30); // Many more looks at the interface.

        Assert.Single(log.All, line => line.Contains("0x1234", StringComparison.Ordinal));
        Assert.Contains("\"peers\"", await ControlClient.AskAsync(Options.SocketPath, "json", default), StringComparison.Ordinal);
    });

    [Fact]
    public void A_start_with_a_mark_that_is_refused_says_what_would_help() => Unprivileged.Run(async () =>
    {
        WriteConfig(Self, Peer(First));
        _wireGuard.Write(Interface, Self, 51820, "0x1234", (First, "(none)"));

        Assert.Contains("CAP_NET_ADMIN", (await Assert.ThrowsAsync<OptionException>(StartAsync)).Message, StringComparison.Ordinal);
    });

    public void Dispose()
    {
        _wireGuard.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static TransportAddress OwnAddress(int peer) => LoopbackAddresses.Of(Keys.Peer(peer), 0);

    private static string Peer(int peer, params string[] lines) => $"[Peer]\nPublicKey = {Keys.Peer(peer).ToBase64()}\nAllowedIPs = 10.9.0.{peer % 200}/32\n{string.Join('\n', lines)}\n";

    private TransportAddress Endpoint(int peer) => _wireGuard.EndpointOf(Interface, Keys.Peer(peer));

    private Task<TunnelAgent> StartAsync() => TunnelAgent.StartAsync(Options, null, NullLoggerFactory.Instance, _time, CancellationToken.None);

    private async Task<Running> RunAsync() => new(await StartAsync(), _time);

    private void WriteOrdinary()
    {
        WriteConfig(Self, Peer(First), Peer(Second));
        _wireGuard.Write(Interface, Self, 51820, "off", (First, "(none)"), (Second, "(none)"));
    }

    private void WriteConfig(int? key, params string[] peers)
    {
        File.WriteAllText(Path.Combine(_directory, "map.json"), Map);
        string keyLine = key is { } number ? $"PrivateKey = {Keys.PrivateText(number)}\n" : "";
        string next = Options.ConfigFile + ".new";
        File.WriteAllText(next, $"[Interface]\n{keyLine}#RelayMap = map.json\n{string.Concat(peers)}");
        File.SetUnixFileMode(next, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(next, Options.ConfigFile, overwrite: true);
    }

    /// <summary>Since when a peer has been going the way it goes, as status tells it.</summary>
    private async Task<string?> SinceAsync(int peer)
    {
        using var document = System.Text.Json.JsonDocument.Parse(await ControlClient.AskAsync(Options.SocketPath, "json", default));
        return document.RootElement.GetProperty("peers").EnumerateArray().Single(found => found.GetProperty("publicKey").GetString() == Keys.Peer(peer).ToBase64()).GetProperty("since").GetString();
    }

    private async Task<int[]> StatusPeersAsync()
    {
        string json = await ControlClient.AskAsync(Options.SocketPath, "json", default);
        using var document = System.Text.Json.JsonDocument.Parse(json);
        HashSet<string?> keys = [.. document.RootElement.GetProperty("peers").EnumerateArray().Select(peer => peer.GetProperty("publicKey").GetString())];
        return [.. Enumerable.Range(_numberBase, 16).Where(number => keys.Contains(Keys.Peer(number).ToBase64()))];
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public string[] All => [.. _lines];

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Enqueue(formatter(state, exception));

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("It keeps its lines itself.");

        public void Dispose() => _lines.Clear();
    }

    /// <summary>An agent whose loop runs in virtual time.</summary>
    private sealed class Running(TunnelAgent agent, FakeTimeProvider time) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stopping = new();
        private Task? _loop;

        public TunnelAgent Agent => agent;

        /// <summary>Lets a second pass. The loop works with real processes, so it gets a moment of real time too.</summary>
        public bool Step()
        {
            _loop ??= agent.RunAsync(_stopping.Token);
            time.Advance(TimeSpan.FromSeconds(1));
            Thread.Sleep(1);
            return true;
        }

        public void Until(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(() => Step() && condition(), Limit));

        public async Task UntilAsync(Func<Task<bool>> condition)
        {
            using CancellationTokenSource limit = new(Limit);
            while (!await condition())
            {
                limit.Token.ThrowIfCancellationRequested();
                Step();
            }
        }

        /// <summary>As <see cref="Until"/>, where the loop runs on the test's own thread.</summary>
        public async Task PumpUntilAsync(Func<bool> condition)
        {
            using CancellationTokenSource limit = new(Limit);
            while (!condition())
            {
                Step();
                Assert.False(_loop!.IsCompleted, $"{_loop.Exception}");
                await Task.Delay(1, limit.Token);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            if (_loop is not null) await _loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await agent.DisposeAsync();
            _stopping.Dispose();
        }
    }
}
