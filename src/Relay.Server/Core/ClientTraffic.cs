namespace Relay.Server.Core;

/// <summary>What one connection has sent and was sent, keys and headers not counted. Added to by the run, on any thread.</summary>
internal sealed class ClientTraffic
{
    private long _packetsIn;
    private long _bytesIn;
    private long _packetsOut;
    private long _bytesOut;

    /// <summary>The sums as of now.</summary>
    public TrafficTotals Totals => new(Volatile.Read(ref _packetsIn), Volatile.Read(ref _bytesIn), Volatile.Read(ref _packetsOut), Volatile.Read(ref _bytesOut));

    /// <summary>Counts what the client has sent.</summary>
    public void CountIn(int packets, long bytes)
    {
        Interlocked.Add(ref _packetsIn, packets);
        Interlocked.Add(ref _bytesIn, bytes);
    }

    /// <summary>Counts what is sent to the client, or put into its queue.</summary>
    public void CountOut(int packets, long bytes)
    {
        Interlocked.Add(ref _packetsOut, packets);
        Interlocked.Add(ref _bytesOut, bytes);
    }
}

/// <summary>Packets and bytes, in from clients and out to them.</summary>
internal readonly record struct TrafficTotals(long PacketsIn, long BytesIn, long PacketsOut, long BytesOut)
{
    public static TrafficTotals operator +(TrafficTotals left, TrafficTotals right) =>
        new(left.PacketsIn + right.PacketsIn, left.BytesIn + right.BytesIn, left.PacketsOut + right.PacketsOut, left.BytesOut + right.BytesOut);

    public static TrafficTotals operator -(TrafficTotals left, TrafficTotals right) =>
        new(left.PacketsIn - right.PacketsIn, left.BytesIn - right.BytesIn, left.PacketsOut - right.PacketsOut, left.BytesOut - right.BytesOut);
}
