using System.IO.Pipelines;
using System.Net;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;

namespace Relay.Server.Hosting;

/// <summary>
/// Where the web server listens for connections that turned out not to be relay clients: a listener in memory, fed by
/// <see cref="ServeAsync"/> with streams that are open and decrypted already.
/// </summary>
internal sealed class WebHandoff : IConnectionListenerFactory, IConnectionListenerFactorySelector, IConnectionListener
{
    /// <summary>Connections that wait for the web server to take them; one more waits with its sender.</summary>
    private const int Backlog = 256;

    private readonly Channel<HandedConnection> _connections = Channel.CreateBounded<HandedConnection>(Backlog);

    /// <summary>The address the web server is told to listen on, so that it asks this listener.</summary>
    public static EndPoint Marker { get; } = new HandoffEndPoint();

    EndPoint IConnectionListener.EndPoint => Marker;

    bool IConnectionListenerFactorySelector.CanBind(EndPoint endpoint) => ReferenceEquals(endpoint, Marker);

    ValueTask<IConnectionListener> IConnectionListenerFactory.BindAsync(EndPoint endpoint, CancellationToken cancellationToken) => ValueTask.FromResult<IConnectionListener>(this);

    /// <summary>Has the web server answer on this stream until the connection ends.</summary>
    /// <param name="stream">The connection; it stays the caller's to dispose.</param>
    /// <param name="read">What was read of it already.</param>
    /// <param name="port">By which port it came, and who it is.</param>
    public async Task ServeAsync(Stream stream, byte[] read, RelayPort port)
    {
        HandedConnection connection = new(new PrefixedStream(read, stream), port);
        try
        {
            await _connections.Writer.WriteAsync(connection);
            await connection.Ended;
        }
        catch (ChannelClosedException)
        {
            return; // The web server has stopped: so do its connections.
        }
    }

    async ValueTask<ConnectionContext?> IConnectionListener.AcceptAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _connections.Reader.ReadAsync(cancellationToken);
        }
        catch (ChannelClosedException)
        {
            return null;
        }
    }

    ValueTask IConnectionListener.UnbindAsync(CancellationToken cancellationToken)
    {
        _connections.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    ValueTask IAsyncDisposable.DisposeAsync()
    {
        _connections.Writer.TryComplete();
        while (_connections.Reader.TryRead(out HandedConnection? connection)) connection.Abort();
        return ValueTask.CompletedTask;
    }

    private sealed class HandoffEndPoint : EndPoint
    {
        public override string ToString() => "relay listeners";
    }

    private sealed class HandedConnection : DefaultConnectionContext
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public HandedConnection(Stream stream, RelayPort port)
            : base(Guid.NewGuid().ToString("N"))
        {
            Transport = new StreamDuplex(PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true)), PipeWriter.Create(stream, new StreamPipeWriterOptions(leaveOpen: true)));
            RemoteEndPoint = port.Remote.ToIPEndPoint();
            Features.Set(port);
        }

        public Task Ended => _ended.Task;

        public override void Abort(ConnectionAbortedException abortReason)
        {
            _ended.TrySetResult();
            base.Abort(abortReason);
        }

        public override async ValueTask DisposeAsync()
        {
            await Transport.Input.CompleteAsync();
            await Transport.Output.CompleteAsync();
            _ended.TrySetResult();
            await base.DisposeAsync();
        }
    }

    private sealed record StreamDuplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
