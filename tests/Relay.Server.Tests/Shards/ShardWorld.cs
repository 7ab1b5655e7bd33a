using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Addresses;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Shards;
using Relay.Server.Streams;
using Relay.Server.Tests.Core;
using Timing;

namespace Relay.Server.Tests.Shards;

/// <summary>Two listeners, one with TLS and one without, and the shards that carry their connections, in this process.</summary>
internal sealed class ShardWorld : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _stopping = new();
    private readonly ShardGroup _shards;
    private readonly ShardEndpoint _tls;
    private readonly ShardEndpoint _plain;
    private readonly Task _running;

    public ShardWorld(int shards = 1, IAdmissionPolicy? admission = null, ServerLimits? limits = null)
    {
        Assert.SkipUnless(OpenSsl.IsAvailable, "There is no libssl.so.3 here, or no Linux.");
        TransportAddress loopback = TransportAddress.FromIpv4(0x7f000001, 0);
        Certificate = ServerCertificate.SelfSigned([loopback], DateTimeOffset.UtcNow);
        Router = new PacketRouter(Counters) { Limits = limits ?? new ServerLimits() };
        RelayIdentity identity = new(RelayWorld.ServerKeys, System.Security.Cryptography.RandomNumberGenerator.Fill) { IsOpenToAll = admission is null };
        EndpointServices services = new(identity, Router, admission ?? new NobodyAsked(), Web, MonotonicClock.System, NullLogger.Instance) { Limiter = new ConnectionLimiter(() => Router.Limits) };
        _shards = new ShardGroup(shards, RelayServerOptions.DefaultGathering, services);
        _tls = new ShardEndpoint(loopback, () => Certificate, services, _shards);
        _plain = new ShardEndpoint(loopback, certificate: null, services, _shards);
        _tls.Bind();
        _plain.Bind();
        _running = Task.WhenAll(_tls.RunAsync(_stopping.Token), _plain.RunAsync(_stopping.Token));
    }

    public RelayCounters Counters { get; } = new();

    public PacketRouter Router { get; }

    public WebHandoff Web { get; } = new();

    /// <summary>What new connections are served.</summary>
    public ServerCertificate Certificate { get; set; }

    public IReadOnlyList<Shard> Shards => _shards.All;

    public int ConnectionCount => _tls.ConnectionCount + _plain.ConnectionCount;

    public async Task<Stream> OpenPlainAsync() => await ConnectAsync(_plain);

    public async Task<NetworkStream> OpenTcpAsync() => await ConnectAsync(_tls);

    public async Task<SslStream> OpenTlsAsync(SslProtocols protocols = SslProtocols.None, params SslApplicationProtocol[] offered)
    {
        SslStream tls = new(await ConnectAsync(_tls));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            EnabledSslProtocols = protocols,
            ApplicationProtocols = [.. offered],
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
        });
        return tls;
    }

    public async Task<TestClient> LogInAsync(byte seed, bool isTls = true) => await TestClient.LogInAsync(isTls ? await OpenTlsAsync() : await OpenPlainAsync(), seed);

    /// <summary>Does something on a shard's thread.</summary>
    public static async Task<T> OnShardAsync<T>(Shard shard, Func<T> function)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Post(() => done.SetResult(function()));
        return await done.Task.WaitAsync(Patience);
    }

    /// <summary>Waits until something has come true that another thread makes so.</summary>
    public static async Task UntilAsync(Func<bool> isTrue)
    {
        using CancellationTokenSource patience = new(Patience);
        while (!isTrue()) await Task.Delay(5, patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.WaitAsync(Patience);
        Assert.Equal(0, ConnectionCount);
        _tls.Dispose();
        _plain.Dispose();
        _shards.Dispose();
        _stopping.Dispose();
    }

    private static async Task<NetworkStream> ConnectAsync(ShardEndpoint endpoint)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(endpoint.Address.ToIPEndPoint());
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>Where all may come in nobody is asked.</summary>
    private sealed class NobodyAsked : IAdmissionPolicy
    {
        public ValueTask<AdmissionDecision> DecideAsync(LoginRequest request) => throw new InvalidOperationException("Nobody was to be asked.");
    }
}
