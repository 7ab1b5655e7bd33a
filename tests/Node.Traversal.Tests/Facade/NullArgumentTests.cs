using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Facade;

/// <summary>An embedder without nullable annotations hears at the call which value is missing: later it would be a fault of the loop, or of every status.</summary>
public sealed class NullArgumentTests
{
    private readonly TraversalNodeOptions _options = new() { PrivateKey = CoreTesting.Keys(1), AllowLoopback = true };

    [Fact]
    public async Task A_node_does_not_start_with_an_option_that_is_missing()
    {
        await Refused("options", null!);
        await Refused("PrivateKey", _options with { PrivateKey = null! });
        await Refused("RelayMap", _options with { RelayMap = null! });
        await Refused("RelayProxy", _options with { RelayProxy = null! });
        await Refused("TunnelAddresses", _options with { TunnelAddresses = null! });
        await Refused("TunnelRanges", _options with { TunnelRanges = null! });
        await Refused("AdvertisedAddresses", _options with { AdvertisedAddresses = null! });
        await Refused("LoggerFactory", _options with { LoggerFactory = null! });
        await Refused("TimeProvider", _options with { TimeProvider = null! });
    }

    [Fact]
    public async Task A_running_node_takes_nothing_that_is_missing_and_goes_on()
    {
        await using TraversalNode node = await TraversalNode.StartAsync(_options);
        TraversalPeerOptions peer = new() { PublicKey = CoreTesting.Keys(2).PublicKey };

        Assert.Throws<ArgumentNullException>("options", () => node.AddPeer(null!));
        Assert.Throws<ArgumentNullException>("AllowedAddresses", () => node.AddPeer(peer with { AllowedAddresses = null! }));
        Assert.Throws<ArgumentNullException>("ExtraCandidates", () => node.AddPeer(peer with { ExtraCandidates = null! }));
        Assert.Throws<ArgumentNullException>("map", () => node.SetRelayMap(null!));
        Assert.Throws<ArgumentNullException>("addresses", () => node.SetTunnelAddresses(null!));
        Assert.Throws<ArgumentNullException>("ranges", () => node.SetTunnelRanges(null!));
        TraversalPeer added = node.AddPeer(peer); // What was refused has left nothing behind.
        Assert.Throws<ArgumentNullException>("ranges", () => added.SetAllowedAddresses(null!));
        Assert.Throws<ArgumentNullException>("batch", () => added.SendBatch(null!));

        Assert.Single(node.GetStatus().Peers);
        Assert.Equal(0, node.Counters[TraversalDrop.Faulted]);
    }

    [Fact]
    public async Task A_state_file_without_a_name_is_refused_in_a_sentence()
    {
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() => TraversalNode.StartAsync(_options with { StateFile = "" }));

        Assert.Contains("StateFile", refused.Message, StringComparison.Ordinal);
    }

    private static Task<ArgumentNullException> Refused(string name, TraversalNodeOptions options) =>
        Assert.ThrowsAsync<ArgumentNullException>(name, async () => await (await TraversalNode.StartAsync(options)).DisposeAsync());
}
