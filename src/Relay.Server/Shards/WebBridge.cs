using System.Buffers;
using System.IO.Pipelines;

namespace Relay.Server.Shards;

/// <summary>
/// The plaintext of a connection as a stream for the web server: the shard pours in what it reads, and takes what is to be sent. Both ways
/// are bounded: a slow web server stops the reading, a slow client the web server.
/// </summary>
/// <param name="wake">Called when there is something to take; from any thread.</param>
/// <param name="resume">Called when there is room again after a <see cref="Push"/> that said no; from any thread.</param>
/// <param name="end">Called when the stream is disposed; from any thread.</param>
internal sealed class WebBridge(Action wake, Action resume, Action end) : Stream
{
    private const int MaxWaiting = 64 << 10;
    private static readonly PipeOptions Bounded = new(pauseWriterThreshold: MaxWaiting, resumeWriterThreshold: MaxWaiting / 2, useSynchronizationContext: false);

    private readonly Pipe _in = new(Bounded);
    private readonly Pipe _out = new(Bounded);
    private Task _resuming = Task.CompletedTask;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>The shard's: passes on what was read.</summary>
    /// <returns>False where enough waits: read no more until there is room again.</returns>
    public bool Push(ReadOnlySpan<byte> bytes)
    {
        _in.Writer.Write(bytes);
        Task<FlushResult> flush = _in.Writer.FlushAsync().AsTask(); // A reader that has left takes nothing, and the connection ends with it.
        if (flush.IsCompleted) return true;
        _resuming = ResumeAsync(flush);
        return false;
    }

    /// <summary>The shard's: the client will say nothing more.</summary>
    public void EndInput() => _in.Writer.Complete();

    /// <summary>The shard's: what the web server has written, to be let go of by <see cref="Sent"/>; false where there is nothing.</summary>
    public bool TryTake(out ReadOnlySequence<byte> bytes)
    {
        bytes = default;
        if (!_out.Reader.TryRead(out ReadResult result)) return false;
        bytes = result.Buffer;
        if (!bytes.IsEmpty) return true;
        _out.Reader.AdvanceTo(bytes.Start);
        return false;
    }

    /// <summary>The shard's: that much of what <see cref="TryTake"/> gave is on its way.</summary>
    public void Sent(SequencePosition upTo) => _out.Reader.AdvanceTo(upTo);

    /// <summary>The shard's: the connection has ended. The web server sees the end of its stream.</summary>
    public void End()
    {
        _in.Writer.Complete();
        _out.Reader.Complete();
    }

    /// <summary>Waits until nothing of the bridge is under way; once it has ended.</summary>
    public Task FinishAsync() => _resuming;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ReadResult result = await _in.Reader.ReadAsync(cancellationToken);
        ReadOnlySequence<byte> part = result.Buffer.Slice(0, Math.Min(buffer.Length, result.Buffer.Length));
        int length = (int)part.Length;
        part.CopyTo(buffer.Span);
        _in.Reader.AdvanceTo(part.End); // From here on the part is somebody else's.
        return length;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <exception cref="IOException">The connection has ended.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        _out.Writer.Write(buffer.Span);
        ValueTask<FlushResult> flush = _out.Writer.FlushAsync(cancellationToken);
        wake();
        FlushResult result = await flush;
        if (result.IsCompleted) throw new IOException("The connection has ended.");
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask; // Every write is on its way already.

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
        // Every write is on its way already.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) end();
        base.Dispose(disposing);
    }

    private async Task ResumeAsync(Task<FlushResult> flush)
    {
        await flush;
        resume();
    }
}
