using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Io;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Io;

public class KnownNetworksTests
{
    private static readonly NetworkFingerprint Cafe = new("cafe");
    private static readonly DateTimeOffset Noon = new(2026, 7, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly RememberedNat Hard = new(Address("198.51.100.7:0"), new NatProfile(NatMapping.AddressAndPortDependent, UdpReach.Works)
    {
        Filtering = NatFiltering.AddressAndPortDependent, Allocation = NatPortAllocation.Sequential, PortStep = -2, LowestPort = 2048, HighestPort = 4095, Hairpins = false, LifetimeSeconds = 120,
    });

    private static readonly RememberedNat Firewall = new(Address("[2001:db8:1::2]:0"), new NatProfile(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent });

    private readonly string _path = Path.Combine(Directory.CreateTempSubdirectory("node-state-").FullName, "state.json");

    [Fact]
    public async Task Latencies_are_kept_by_network_over_a_restart()
    {
        await using (NodeState state = Open())
        {
            state.NoteLatencies(Cafe, new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(12.5), [901] = TimeSpan.FromMilliseconds(80) });
            state.NoteLatencies(NetworkFingerprint.None, new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(1) });
        }

        await using NodeState again = Open();

        Assert.Equal(new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(12.5), [901] = TimeSpan.FromMilliseconds(80) }, again.FindNetwork(Cafe).Latencies);
        Assert.Empty(again.FindNetwork(NetworkFingerprint.None).Latencies);
        Assert.Empty(again.FindNetwork(new NetworkFingerprint("other")).Latencies);
    }

    [Fact]
    public async Task NATs_are_kept_by_network_and_family_over_a_restart()
    {
        await using (NodeState state = Open())
        {
            state.NoteNat(Cafe, isIpv4: true, Hard);
            state.NoteNat(Cafe, isIpv4: false, Firewall);
            state.NoteLatencies(Cafe, new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(1) });
            state.NoteNat(NetworkFingerprint.None, isIpv4: true, Hard);
        }

        await using NodeState again = Open();

        KnownNetwork known = again.FindNetwork(Cafe);
        Assert.Equal(Hard, known.Ipv4);
        Assert.Equal(Firewall, known.Ipv6);
        Assert.Single(known.Latencies);
        Assert.Null(again.FindNetwork(NetworkFingerprint.None).Ipv4);
        Assert.Equal("other", again.FindNetwork(new NetworkFingerprint("other")).Name.Text);
    }

    [Theory]
    [InlineData("{ half")]
    [InlineData("[]")]
    [InlineData("\"another program's\"")]
    [InlineData("""{ "peers": {}, "startedAt": "yesterday" }""")]
    [InlineData("""{ "startedAt": 5, "peers": {}, "networks": { "cafe": 7 } }""")]
    [InlineData("""{ "startedAt": 5, "peers": {}, "networks": { "cafe": { "latenciesMs": {}, "ipv4": [] } } }""")]
    [InlineData("""{ "startedAt": 5, "peers": {}, "networks": { "cafe": { "latenciesMs": {}, "ipv4": { "address": "198.51.100.7" } } } }""")]
    [InlineData("""{ "startedAt": 5, "peers": {}, "networks": { "cafe": { "latenciesMs": {}, "ipv4": { "address": "here" } } } }""")]
    public async Task A_file_that_is_damaged_or_anothers_is_said_to_be_and_not_used(string content)
    {
        await File.WriteAllTextAsync(_path, content, TestContext.Current.CancellationToken);
        Warnings warnings = new();

        await using NodeState state = new(_path, TimeProvider.System, warnings);

        Assert.Contains("could not be read", Assert.Single(warnings.Lines), StringComparison.Ordinal);
        Assert.Null(state.FindNetwork(Cafe).Ipv4);
        Assert.True(state.StartedAt > 5);
    }

    [Theory]
    [InlineData("\"mapping\": \"AddressAndPortDependent\"", "\"mapping\": \"Odd\"")]
    [InlineData("\"mapping\": \"AddressAndPortDependent\"", "\"mapping\": \"77\"")]
    [InlineData("\"portStep\": -2", "\"portStep\": 70000")]
    [InlineData("\"highestPort\": 4095", "\"highestPort\": 1")]
    [InlineData("\"lifetimeSeconds\": 120", "\"lifetimeSeconds\": -1")]
    [InlineData("\"hairpins\": false", "\"hairpins\": 3")]
    public async Task A_value_that_cannot_be_is_not_used(string written, string instead)
    {
        await using (NodeState state = Open()) state.NoteNat(Cafe, isIpv4: true, Hard);
        string content = await File.ReadAllTextAsync(_path, TestContext.Current.CancellationToken);
        Assert.Contains(written, content, StringComparison.Ordinal);
        await File.WriteAllTextAsync(_path, content.Replace(written, instead, StringComparison.Ordinal), TestContext.Current.CancellationToken);

        await using NodeState again = Open();

        Assert.Null(again.FindNetwork(Cafe).Ipv4);
    }

    [Fact]
    public void A_NAT_that_was_not_found_out_again_for_long_is_forgotten()
    {
        KnownNetworks networks = new();
        networks.Note(Cafe, isIpv4: true, Hard, Noon);

        Assert.Equal(Hard, networks.Find(Cafe, Noon + KnownNetworks.NatMemory - TimeSpan.FromSeconds(1)).Ipv4);
        Assert.Null(networks.Find(Cafe, Noon + KnownNetworks.NatMemory).Ipv4);
    }

    [Fact]
    public void The_network_that_was_not_used_for_the_longest_time_makes_room()
    {
        KnownNetworks networks = new();
        Dictionary<int, TimeSpan> latencies = new() { [900] = TimeSpan.FromMilliseconds(1) };
        for (int i = 0; i < KnownNetworks.MaxNetworks; i++) networks.Note(new NetworkFingerprint($"{i}"), latencies);
        networks.Note(new NetworkFingerprint("0"), isIpv4: true, Hard, Noon);

        networks.Note(new NetworkFingerprint("new"), isIpv4: true, Hard, Noon);

        Assert.NotEmpty(networks.Find(new NetworkFingerprint("0"), Noon).Latencies);
        Assert.Empty(networks.Find(new NetworkFingerprint("1"), Noon).Latencies);
    }

    [Fact]
    public async Task A_network_is_told_again_where_the_gateways_answer_has_given_it_another_name()
    {
        await using NodeState state = Open();
        state.NoteNat(Cafe, isIpv4: true, Hard);
        NetworkFingerprint read = new("a gateway whose link-layer address is not known yet");
        NetworkMemory memory = new(state, () => read);
        List<KnownNetwork> told = [];
        memory.Look(told.Add);
        memory.LookAgain(told.Add);
        Assert.Null(Assert.Single(told).Ipv4);

        read = Cafe;
        memory.LookAgain(told.Add);

        Assert.Equal(Hard, told[^1].Ipv4);
        Assert.Equal(Cafe, memory.Present);
    }

    private NodeState Open() => new(_path, TimeProvider.System, NullLogger.Instance);

    private sealed class Warnings : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning) Lines.Add(formatter(state, exception));
        }
    }
}
