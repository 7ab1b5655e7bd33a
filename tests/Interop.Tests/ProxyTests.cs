using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using NatLab;
using Node.Traversal;
using Node.Traversal.Tests.Facade;
using Relay.Server.Tests.Core;

namespace Interop.Tests;

/// <summary>Our client behind a real HTTP proxy, which asks for credentials or does not. Everything on loopback.</summary>
public sealed class ProxyTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-tinyproxy-").FullName;
    private readonly List<Process> _started = [];
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly CancellationTokenSource _patience = new(Patience);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(null, "")]
    [InlineData("ann s3cret", "ann:s3cret@")]
    public async Task A_node_behind_a_proxy_reaches_the_relay_over_TLS_and_exchanges_packets(string? asked, string given)
    {
        Needs.Programs(TinyProxy.Program);
        await using TestRelay relay = await TestRelay.StartAsync();
        int port = await StartProxyAsync(asked);
        await using TraversalNode alice = await TraversalNode.StartAsync(Options(1, relay) with { RelayProxy = new ProxySettings(HttpProxy.Parse($"http://{given}127.0.0.1:{port}")) });
        await using TraversalNode bob = await TraversalNode.StartAsync(Options(2, relay));
        TraversalPeer toBob = alice.AddPeer(new TraversalPeerOptions { PublicKey = bob.PublicKey });
        TraversalPeer toAlice = bob.AddPeer(new TraversalPeerOptions { PublicKey = alice.PublicKey });

        foreach (int length in (int[])[1, 1400])
        {
            byte[] packet = [.. Enumerable.Range(0, length).Select(i => (byte)(i + length))];
            toBob.Send(packet);
            Assert.Equal(packet, await NextAsync(toAlice, packet));
            toAlice.Send(packet);
            Assert.Equal(packet, await NextAsync(toBob, packet));
        }

        Assert.Equal("", alice.GetStatus().Self.RelayProblem ?? "");
        Assert.NotNull(alice.GetStatus().Self.HomeRelay);
        Assert.Single(_lines, line => TinyProxy.IsRequest(line, relay.Listen)); // By it, and once: the connection lasts.
    }

    [Theory]
    [InlineData("", "wants a user name and password (407)")]
    [InlineData("ann:wr0ng@", "does not accept the user name and password it was given")]
    public async Task A_proxy_that_wants_other_credentials_is_said_plainly_and_what_was_given_is_not(string given, string problem)
    {
        Needs.Programs(TinyProxy.Program);
        await using TestRelay relay = await TestRelay.StartAsync();
        int port = await StartProxyAsync("ann s3cret");
        using LogCollector log = new();
        await using TraversalNode node = await TraversalNode.StartAsync(Options(1, relay) with { RelayProxy = new ProxySettings(HttpProxy.Parse($"http://{given}127.0.0.1:{port}")), LoggerFactory = log });
        node.AddPeer(new TraversalPeerOptions { PublicKey = RelayWorld.Keys(2).PublicKey });

        while (node.GetStatus().Self.RelayProblem is null) await Task.Delay(20, _patience.Token);

        Assert.Contains($"the proxy 127.0.0.1:{port} {problem}", node.GetStatus().Self.RelayProblem, StringComparison.Ordinal);
        Assert.Null(node.GetStatus().Self.HomeRelay);
        Assert.Single(log.Lines, line => line.StartsWith("Warning", StringComparison.Ordinal) && line.Contains(problem, StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, line => line.Contains("wr0ng", StringComparison.Ordinal) || line.Contains("YW5uOndyMG5n", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process process in _started)
        {
            if (!process.HasExited) process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _patience.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static TraversalNodeOptions Options(byte seed, TestRelay relay) => new() { PrivateKey = RelayWorld.Keys(seed), RelayMap = relay.Map, AllowLoopback = true };

    /// <summary>Copies of earlier packets may come in between, while a path changes.</summary>
    private async Task<byte[]> NextAsync(TraversalPeer from, byte[] wanted)
    {
        byte[] received;
        do received = [.. await from.ReceiveAsync(_patience.Token)];
        while (received.Length != wanted.Length);
        return received;
    }

    private async Task<int> StartProxyAsync(string? credentials)
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        int port = ((IPEndPoint)probe.LocalEndpoint).Port; // It cannot be asked which port it was given.
        probe.Stop();
        IReadOnlyList<string> command = TinyProxy.Command(_directory, "127.0.0.1", port, credentials);
        Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true })!;
        _started.Add(process);
        TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is not { } text) return;
            _lines.Enqueue(text);
            if (TinyProxy.IsReadyLine(text)) ready.TrySetResult();
        };
        process.BeginOutputReadLine();
        await ready.Task.WaitAsync(Patience);
        return port;
    }

    private sealed class LogCollector : ILoggerFactory, ILogger
    {
        private readonly ConcurrentQueue<string> _said = new();

        public IReadOnlyCollection<string> Lines => _said;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _said.Enqueue($"{logLevel} {formatter(state, exception)}");

        public void Dispose() => _said.Clear();
    }
}
