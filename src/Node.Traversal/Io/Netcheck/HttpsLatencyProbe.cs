using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Node.Traversal.Io.Relay;
using Node.Traversal.Messages.Http;
using Timing;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Measures how far away relays are, by HTTPS: the time from a request to its answer on a TLS connection that stands already.</summary>
internal sealed class HttpsLatencyProbe(RelayTransport transport, MonotonicClock clock)
{
    private const string Path = "/derp/latency-check";
    private const int Requests = 2; // The first may find the server's code cold.
    private const int AtOnce = 8;
    private const int Ok = 200;
    private const int MaxBodyLength = 4 << 10;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>Measures regions, a few at a time.</summary>
    /// <returns>Those that answered.</returns>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task<IReadOnlyDictionary<int, TimeSpan>> MeasureAsync(IReadOnlyList<RelayRegion> regions, CancellationToken cancellation)
    {
        Dictionary<int, TimeSpan> measured = [];
        ParallelOptions options = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(regions, options, async (region, stopping) =>
        {
            if (await MeasureAsync(region, stopping) is not { } latency) return;
            lock (measured) measured[region.Id] = latency;
        });
        return measured;
    }

    /// <summary>Measures the first machine of a region that answers; null where none does.</summary>
    private async Task<TimeSpan?> MeasureAsync(RelayRegion region, CancellationToken cancellation)
    {
        using CancellationTokenSource timeout = new(Timeout, clock.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        foreach (RelayNode node in region.Nodes.Where(node => !node.IsStunOnly))
        {
            try
            {
                RelayConnection connection = await transport.OpenAsync(node, either.Token);
                await using Stream stream = connection.Stream;
                if (await MeasureAsync(node, stream, either.Token) is { } latency) return latency;
            }
            catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException)
            {
                continue; // The next machine may answer; that none does shows by the region's absence.
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return null;
            }
        }

        return null;
    }

    private async Task<TimeSpan?> MeasureAsync(RelayNode node, Stream stream, CancellationToken cancellation)
    {
        byte[] request = Encoding.ASCII.GetBytes($"GET {Path} HTTP/1.1\r\nHost: {RelayTransport.HostFieldOf(node)}\r\nUser-Agent: relay-node\r\nCache-Control: no-cache\r\n\r\n");
        byte[] buffer = new byte[HttpResponseHead.MaxLength + MaxBodyLength];
        TimeSpan? lowest = null;
        for (int i = 0; i < Requests; i++)
        {
            Instant sent = clock.Now;
            await stream.WriteAsync(request, cancellation);
            int held = 0;
            (bool isOk, bool isReusable, Instant answered) = (false, false, default);
            while (true)
            {
                int read = await stream.ReadAsync(buffer.AsMemory(held), cancellation);
                if (read == 0) return lowest;
                if (held == 0) answered = clock.Now;
                held += read;
                (HttpHeadRead state, isOk, isReusable) = Read(buffer.AsSpan(0, held));
                if (state == HttpHeadRead.Malformed) return lowest;
                if (state == HttpHeadRead.Whole) break;
            }

            if (!isOk) return lowest;
            if (!(lowest <= answered - sent)) lowest = answered - sent;
            if (!isReusable) return lowest;
        }

        return lowest;
    }

    /// <summary>Reads an answer with its body. Where the body's length is not told, or is none of a latency check, the connection is not used again.</summary>
    private static (HttpHeadRead State, bool IsOk, bool IsReusable) Read(ReadOnlySpan<byte> answer)
    {
        HttpHeadRead read = HttpResponseHead.TryRead(answer, out HttpResponseHead head);
        if (read != HttpHeadRead.Whole) return (read, false, false);
        bool isReusable = head.ContentLength is <= MaxBodyLength;
        bool isWhole = !isReusable || answer.Length >= head.Length + head.ContentLength;
        return (isWhole ? HttpHeadRead.Whole : HttpHeadRead.Partial, head.StatusCode == Ok, isReusable);
    }
}
