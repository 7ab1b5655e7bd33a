using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Io;
using Node.Traversal.Io.Netcheck;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Facade;
using Timing;

namespace Node.Traversal.Tests.Io.Netcheck;

public class HttpsLatencyProbeTests
{
    [Fact]
    public async Task A_relay_is_measured_over_TLS_and_one_that_is_not_there_is_left_out()
    {
        await using TestRelay relay = await TestRelay.StartAsync();
        RelayRegion there = relay.Map.Regions[0];
        RelayRegion gone = there with { Id = 999, Nodes = [.. there.Nodes.Select(node => node with { RelayPort = 9 })] };
        RelayRegion other = there with { Id = 998, Nodes = [.. there.Nodes.Select(node => node with { CertificatePin = new string('0', 64) })] };
        MonotonicClock clock = MonotonicClock.System;
        RelayTransport transport = new(new MarkedDns(() => 0, clock.TimeProvider, NullLogger.Instance), () => 0, () => ProxySettings.None, clock.TimeProvider, NullLogger.Instance);

        IReadOnlyDictionary<int, TimeSpan> measured = await new HttpsLatencyProbe(transport, clock).MeasureAsync([there, gone, other], TestContext.Current.CancellationToken);

        Assert.Equal([there.Id], measured.Keys);
        Assert.InRange(measured[there.Id], TimeSpan.FromTicks(1), TimeSpan.FromSeconds(5));
    }
}
