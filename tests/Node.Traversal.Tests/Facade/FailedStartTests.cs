using System.Net;
using System.Net.Sockets;
using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Facade;

/// <summary>A node lets go of what it has, also where it has not come far.</summary>
public sealed class FailedStartTests
{
    [Theory]
    [InlineData(1)] // Before there is a node.
    [InlineData(3)] // Amid its start.
    public async Task A_failed_start_frees_its_port(int timer)
    {
        ushort port = FreePort();
        TraversalNodeOptions options = new() { PrivateKey = CoreTesting.Keys(1), Port = port, AllowLoopback = true };

        await Assert.ThrowsAsync<TimeoutException>(() => TraversalNode.StartAsync(options with { TimeProvider = new BrokenClock(timer) }));

        await using TraversalNode node = await TraversalNode.StartAsync(options);
        Assert.Equal(port, node.UdpPort);
    }

    /// <summary>Without its mark a node beside a full tunnel would send its packets into the tunnel, and say nothing.</summary>
    [Fact]
    public void A_mark_that_is_refused_is_no_start_and_no_change() => Unprivileged.Run(async () =>
    {
        TraversalNodeOptions options = new() { PrivateKey = CoreTesting.Keys(1), AllowLoopback = true };

        SocketException refused = await Assert.ThrowsAsync<SocketException>(() => TraversalNode.StartAsync(options with { FirewallMark = 1 }));
        Assert.Equal(SocketError.AccessDenied, refused.SocketErrorCode);

        await using TraversalNode node = await TraversalNode.StartAsync(options);
        Assert.Throws<SocketException>(() => node.SetFirewallMark(1));
    });

    private static ushort FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>A clock whose n-th timer cannot be had.</summary>
    private sealed class BrokenClock(int broken) : TimeProvider
    {
        private int _timers;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            Interlocked.Increment(ref _timers) == broken ? throw new TimeoutException("no timer is left") : base.CreateTimer(callback, state, dueTime, period);
    }
}
