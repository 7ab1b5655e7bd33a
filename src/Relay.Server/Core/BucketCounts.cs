namespace Relay.Server.Core;

/// <summary>A histogram that is counted in place, and read off when somebody asks. Any thread may count, and any may read.</summary>
/// <param name="bounds">The upper bounds of all buckets but the last, in rising order, in the unit of what is counted.</param>
internal sealed class BucketCounts(double[] bounds)
{
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    /// <summary>The upper bounds of all buckets but the last.</summary>
    public IReadOnlyList<double> Bounds => bounds;

    /// <summary>What was counted, bucket by bucket.</summary>
    public long[] Counts => [.. Enumerable.Range(0, _counts.Length).Select(bucket => Volatile.Read(ref _counts[bucket]))];

    /// <summary>All values added up.</summary>
    public double Sum => Volatile.Read(ref _sum);

    /// <summary>The bucket of a value.</summary>
    public int BucketOf(double value)
    {
        int bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket]) bucket++;
        return bucket;
    }

    /// <summary>Counts one value.</summary>
    public void Count(double value) => Add(BucketOf(value), 1, value);

    /// <summary>Counts many values of a bucket at once.</summary>
    public void Add(int bucket, long count, double sum)
    {
        Interlocked.Add(ref _counts[bucket], count);
        double before;
        do
        {
            before = Volatile.Read(ref _sum);
        }
        while (BitConverter.DoubleToInt64Bits(Interlocked.CompareExchange(ref _sum, before + sum, before)) != BitConverter.DoubleToInt64Bits(before));
    }
}
