using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Addresses;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Streams;
using Timing;

namespace Relay.Server.Shards;

/// <summary>
/// One listening socket whose connections live in shards. One shard accepts and gives each to the shard that has the fewest: a listener a
/// shard (SO_REUSEPORT) would let two servers share a port by mistake, and spread few connections badly.
/// </summary>
internal sealed class ShardEndpoint : IRelayEndpoint
{
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;

    private readonly ShardGroup _shards;
    private readonly ConcurrentDictionary<Task, byte> _running = new(); // Web servers and admissions: what is under way beside the shards.
    private readonly Socket _socket;
    private int _connections;

    /// <param name="listen">Where to listen.</param>
    /// <param name="certificate">The certificate to use at any time; null = no TLS.</param>
    /// <param name="services">What all endpoints share.</param>
    /// <param name="shards">Where the connections live.</param>
    public ShardEndpoint(TransportAddress listen, Func<ServerCertificate>? certificate, EndpointServices services, ShardGroup shards)
    {
        Address = listen;
        Services = services;
        _shards = shards;
        Tls = certificate is null ? null : new TlsContext(certificate, services.DerpKey);
        Tls?.Load();
        _socket = new Socket(listen.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
    }

    public TransportAddress Address { get; private set; }

    public bool IsTls => Tls is not null;

    public TlsContext? Tls { get; }

    public EndpointServices Services { get; }

    public int ConnectionCount => Volatile.Read(ref _connections);

    public void Bind()
    {
        if (Address.IsIpv6) _socket.DualMode = false;
        _socket.SetRawSocketOption(SolSocket, SoReuseAddress, BitConverter.GetBytes(1)); // The base library's option would share the port too.
        RelayEndpoint.Prepare(_socket); // Accepted sockets inherit it all.
        _socket.Blocking = false;
        _socket.Bind(Address.ToIPEndPoint());
        _socket.Listen(RelayEndpoint.Backlog);
        Address = TransportAddress.From((IPEndPoint)_socket.LocalEndPoint!);
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        ShardListener listener = new(this, (int)_socket.Handle);
        Shard accepting = _shards.NextToAccept();
        await PostAsync(accepting, shard => shard.Add(listener));
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, Services.Clock.TimeProvider, stopping);
        }
        catch (OperationCanceledException)
        {
            // Asked to stop.
        }

        await PostAsync(accepting, shard => shard.Remove(listener));
        await Task.WhenAll(_shards.All.Select(shard => PostAsync(shard, it => it.CloseAll(this, CloseReason.ServerStopping))));
        await Task.WhenAll(_running.Keys);
    }

    /// <summary>Takes an accepted socket: refuses it where a limit is reached, else gives it to a shard. Called by the shard that accepts.</summary>
    public void Take(int socket, TransportAddress remote, Shard accepting, Instant now)
    {
        if (Services.Limiter.TryAccept(Services.Counted(remote), now, out ConnectionLease? lease) != ConnectionRefusal.None || lease is null)
        {
            Refuse(socket);
            return;
        }

        Interlocked.Increment(ref _connections);
        Shard home = _shards.LeastLoaded(accepting);
        if (home == accepting) home.Adopt(this, socket, remote, lease);
        else home.Post(() => home.Adopt(this, socket, remote, lease));
    }

    /// <summary>A connection has ended.</summary>
    public void Forget() => Interlocked.Decrement(ref _connections);

    /// <summary>Has the web server answer on a connection, until one of the two ends it.</summary>
    public void Serve(ShardConnection connection, byte[] read) => Track(ServeAsync(connection, read));

    /// <summary>Waits for the answer to a login, which then goes to <paramref name="answer"/>, on any thread.</summary>
    public void Await(Task<AdmissionDecision> asked, Action<AdmissionDecision> answer) => Track(AnswerAsync(asked, answer));

    public void Dispose()
    {
        _socket.Dispose();
        Tls?.Dispose();
    }

    /// <summary>Without TLS a reason can be given, as far as the socket takes it at once.</summary>
    private unsafe void Refuse(int socket)
    {
        fixed (byte* bytes = RelayEndpoint.Refusal)
        {
            if (!IsTls) LibC.Send(socket, bytes, (nuint)RelayEndpoint.Refusal.Length, LibC.SendFlags);
        }

        LibC.Close(socket);
    }

    private async Task ServeAsync(ShardConnection connection, byte[] read)
    {
        await Task.Yield(); // The shard goes on.
        try
        {
            await Services.Web.ServeAsync(connection.Web!, read, new RelayPort(IsTls ? RelayPortKind.Tls : RelayPortKind.Plain, connection.Client.Remote) { Lease = connection.Lease });
            await connection.Web!.FinishAsync();
        }
        finally
        {
            connection.Shard.Post(() => connection.Shard.EndWeb(connection));
        }
    }

    private static async Task AnswerAsync(Task<AdmissionDecision> asked, Action<AdmissionDecision> answer) => answer(await asked);

    private void Track(Task task)
    {
        _running.TryAdd(task, 0);
        task.ContinueWith((done, running) => ((ConcurrentDictionary<Task, byte>)running!).TryRemove(done, out _), _running, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private static Task PostAsync(Shard shard, Action<Shard> action)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        shard.Post(() =>
        {
            action(shard);
            done.SetResult();
        });
        return done.Task;
    }
}
