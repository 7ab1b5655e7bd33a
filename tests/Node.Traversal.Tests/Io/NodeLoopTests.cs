using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Node.Traversal.Io;
using Node.Traversal.Telemetry;
using Node.Traversal.Tests.Core;
using Timing;

namespace Node.Traversal.Tests.Io;

public class NodeLoopTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_fault_of_ours_costs_the_input_it_came_with_and_is_counted()
    {
        MonotonicClock clock = new(TimeProvider.System);
        TraversalCounters counters = new();
        NodeCore core = new(
            new NodeCoreOptions { Keys = CoreTesting.Keys(1), Entropy = CoreTesting.Entropy(1), StartedAt = 1, UdpPort = 5000 }, CoreTesting.Map(900), clock.Now);
        TaskCompletionSource later = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeLoop loop = new(core, clock, counters, _ => { }, _ => { }, NullLogger.Instance);
        loop.Start();

        loop.PostPacket(PacketOrigin.Stranger, (_, _) => throw new InvalidOperationException("a test of what is thrown"));
        loop.Post((_, _) => later.SetResult());

        await later.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, counters[TraversalDrop.Faulted]);
    }
}
