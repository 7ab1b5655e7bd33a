using System.Net;
using System.Net.Sockets;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>Which machine of a region is connected to, and what it is told.</summary>
public sealed class RelayDialerTests : IDisposable
{
    private readonly ScriptedRelay _relay = new();

    public void Dispose() => _relay.Dispose();

    [Fact]
    public async Task Where_the_first_machine_is_away_the_next_is_told_which_would_be_the_right_one()
    {
        RelayNode away = _relay.Node("901a") with { RelayPort = FreePort() };

        ScriptedRelay.Connection connection = await DialAsync(away, _relay.Node("901b"));

        Assert.Contains("\r\nIdeal-Node: 901a\r\n", connection.Head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_machine_is_told_nothing_of_the_kind()
    {
        ScriptedRelay.Connection connection = await DialAsync(_relay.Node("901a"), _relay.Node("901b"));

        Assert.DoesNotContain("Ideal-Node", connection.Head, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_no_field_may_hold_does_no_harm()
    {
        RelayNode away = _relay.Node("first\r\nof all") with { RelayPort = FreePort() };

        ScriptedRelay.Connection connection = await DialAsync(away, _relay.Node("901b"));

        Assert.Contains("\r\nIdeal-Node: first%0D%0Aof%20all\r\n", connection.Head, StringComparison.Ordinal);
    }

    private async Task<ScriptedRelay.Connection> DialAsync(params RelayNode[] machines)
    {
        Task<RelayStream> dialled = ScriptedRelay.Dialer(CoreTesting.Keys(1)).ConnectAsync(new RelayRegion { Id = 901, Code = "test", Nodes = machines }, TestContext.Current.CancellationToken);
        using ScriptedRelay.Connection connection = await _relay.AcceptAsync(cancellation: TestContext.Current.CancellationToken);
        RelayStream stream = await dialled;
        Assert.Equal(machines.First(machine => machine.RelayPort == _relay.Node("").RelayPort).Name, stream.NodeName);
        await stream.Stream.DisposeAsync();
        return connection;
    }

    private static ushort FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return (ushort)((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
