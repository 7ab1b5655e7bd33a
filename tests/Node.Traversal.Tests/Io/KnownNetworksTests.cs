using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Io;

namespace Node.Traversal.Tests.Io;

public class KnownNetworksTests
{
    [Fact]
    public async Task Latencies_are_kept_by_network_over_a_restart()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("node-state-").FullName, "state.json");
        NetworkFingerprint cafe = new("cafe");
        await using (NodeState state = new(path, TimeProvider.System, NullLogger.Instance))
        {
            state.NoteLatencies(cafe, new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(12.5), [901] = TimeSpan.FromMilliseconds(80) });
            state.NoteLatencies(NetworkFingerprint.None, new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(1) });
        }

        await using NodeState again = new(path, TimeProvider.System, NullLogger.Instance);

        Assert.Equal(new Dictionary<int, TimeSpan> { [900] = TimeSpan.FromMilliseconds(12.5), [901] = TimeSpan.FromMilliseconds(80) }, again.FindLatencies(cafe));
        Assert.Empty(again.FindLatencies(NetworkFingerprint.None));
        Assert.Empty(again.FindLatencies(new NetworkFingerprint("other")));
    }

    [Fact]
    public void The_network_that_was_not_used_for_the_longest_time_makes_room()
    {
        KnownNetworks networks = new();
        Dictionary<int, TimeSpan> latencies = new() { [900] = TimeSpan.FromMilliseconds(1) };
        for (int i = 0; i < KnownNetworks.MaxNetworks; i++) networks.Note(new NetworkFingerprint($"{i}"), latencies);
        networks.Note(new NetworkFingerprint("0"), latencies);

        networks.Note(new NetworkFingerprint("new"), latencies);

        Assert.NotEmpty(networks.Find(new NetworkFingerprint("0")));
        Assert.Empty(networks.Find(new NetworkFingerprint("1")));
    }
}
