namespace Testing;

/// <summary>Measures what code allocates.</summary>
internal static class Allocated
{
    /// <summary>Enough that one of them has no collection.</summary>
    public const int Runs = 5;

    /// <summary>
    /// The bytes that some code allocates, at best of a few runs: a collection for another test takes away this thread's allocation buffer, and
    /// what was left of it counts as allocated.
    /// </summary>
    public static long AtBestBy(Action run)
    {
        long least = long.MaxValue;
        run(); // What is made once is made now.
        for (int i = 0; i < Runs && least > 0; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
