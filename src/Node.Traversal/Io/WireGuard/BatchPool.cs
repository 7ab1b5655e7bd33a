using Datagrams;

namespace Node.Traversal.Io.WireGuard;

/// <summary>
/// Lends batches to the links that have something to send at this moment: a batch takes 128 KiB, which is nothing for the few that do
/// and too much for each of a thousand that do not.
/// </summary>
internal sealed class BatchPool
{
    private const int MaxIdle = 64; // 8 MiB. A receive batch holds packets of at most 64 peers; what is above this is left to the collector.

    private readonly Lock _gate = new();
    private readonly DatagramBatch[] _idle = new DatagramBatch[MaxIdle];
    private int _count;

    /// <summary>An empty batch; give it back with <see cref="Return"/>.</summary>
    public DatagramBatch Rent()
    {
        lock (_gate)
        {
            if (_count > 0) return _idle[--_count];
        }

        return new DatagramBatch();
    }

    /// <summary>Takes a batch back.</summary>
    public void Return(DatagramBatch batch)
    {
        batch.Clear();
        lock (_gate)
        {
            if (_count < MaxIdle) _idle[_count++] = batch;
        }
    }
}
