using System.Threading.Channels;
using Relay.Protocol;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Region;

/// <summary>Drives one <see cref="MeshLink"/> over its stream: one task reads, one writes. Packets that wait go out in one write.</summary>
internal sealed class MeshPump(MeshStream connected, MeshLink link, MonotonicClock clock)
{
    /// <summary>How long one write may take: a relay that is busy gets longer than a client.</summary>
    public static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30);

    private const int WriteLength = 128 << 10;
    private const int ReadLength = 64 << 10;

    // One signal waits at most. The writer goes on in a thread of its own: whoever forwards a packet has others to read.
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Runs until the link ends.</summary>
    /// <returns>Why it has ended.</returns>
    public async Task<string> RunAsync(CancellationToken stopping)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        link.Wake = () => _wake.Writer.TryWrite(true);
        link.Begin();
        Task<string> reading = ReadAsync(ending.Token);
        Task<string> writing = WriteAsync(ending.Token);
        string reason = await await Task.WhenAny(reading, writing);

        await ending.CancelAsync();
        await connected.Stream.DisposeAsync();
        await Task.WhenAll(reading, writing);
        HashSet<ClientConnection> woken = [];
        link.Close(woken);
        foreach (ClientConnection client in woken) client.Shell?.Wake();
        return reason;
    }

    private async Task<string> ReadAsync(CancellationToken ending)
    {
        HashSet<ClientConnection> woken = [];
        byte[] buffer = new byte[ReadLength + connected.Leftover.Length];
        connected.Leftover.CopyTo(buffer, 0);
        int held = connected.Leftover.Length;
        try
        {
            while (true)
            {
                int consumed = link.Receive(buffer.AsSpan(0, held), woken);
                foreach (ClientConnection client in woken) client.Shell?.Wake();
                woken.Clear();
                buffer.AsSpan(consumed, held - consumed).CopyTo(buffer);
                held -= consumed;

                using CancellationTokenSource silence = new(RelayLimits.ReceiveTimeout, clock.TimeProvider);
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ending, silence.Token);
                int read = await connected.Stream.ReadAsync(buffer.AsMemory(held), either.Token);
                if (read == 0) return "it closed the connection";
                held += read;
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or RelayProtocolException)
        {
            return exception.Message;
        }
        catch (OperationCanceledException)
        {
            return ending.IsCancellationRequested ? "we end it" : "it is silent";
        }
    }

    private async Task<string> WriteAsync(CancellationToken ending)
    {
        byte[] buffer = new byte[WriteLength];
        try
        {
            while (true)
            {
                int length = link.Queue.Take(buffer, clock.Now);
                if (length == 0)
                {
                    await _wake.Reader.ReadAsync(ending);
                    continue;
                }

                using CancellationTokenSource slowness = new(WriteTimeout, clock.TimeProvider);
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ending, slowness.Token);
                await connected.Stream.WriteAsync(buffer.AsMemory(0, length), either.Token);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            return exception.Message;
        }
        catch (OperationCanceledException)
        {
            return ending.IsCancellationRequested ? "we end it" : "it takes nothing";
        }
    }
}
