using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Node.Traversal.Tests;

/// <summary>
/// Runs a test on a thread that may not mark packets, nor open a file against its mode: CAP_NET_ADMIN, CAP_NET_RAW and CAP_DAC_OVERRIDE are taken from
/// that thread alone, and all that is awaited goes on there. The program that tests are run by keeps what it may do.
/// </summary>
internal static class Unprivileged
{
    private const uint Version3 = 0x2008_0522; // _LINUX_CAPABILITY_VERSION_3: two words of 32 bits for each set.
    private const uint MayMark = (1u << 12) | (1u << 13); // CAP_NET_ADMIN, and since Linux 5.17 CAP_NET_RAW: socket(7), SO_MARK.
    private const uint MayOpenAll = 1u << 1; // CAP_DAC_OVERRIDE: capabilities(7).

    /// <summary>Runs it to its end. Skipped where there are no marks.</summary>
    public static void Run(Func<Task> test)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Firewall marks are Linux's.");
        ITestContext context = TestContext.Current;
        Task? running = null;
        Thread thread = new(() =>
        {
            Drop();
            using OneThread queue = new();
            SynchronizationContext.SetSynchronizationContext(queue);
            running = test();
            running.ContinueWith(_ => queue.End(), context.CancellationToken, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            queue.Run();
        });
        thread.Start();
        thread.Join();
        running!.GetAwaiter().GetResult();
    }

    private static void Drop()
    {
        Header header = new() { Version = Version3 };
        uint[] sets = new uint[6]; // Effective, permitted and inheritable of capabilities 0 to 31, then of those above.
        if (GetCapabilities(ref header, sets) != 0) throw new InvalidOperationException($"capget: error {Marshal.GetLastPInvokeError()}");
        sets[0] &= ~(MayMark | MayOpenAll);
        if (SetCapabilities(ref header, sets) != 0) throw new InvalidOperationException($"capset: error {Marshal.GetLastPInvokeError()}");
    }

    [DllImport("libc", EntryPoint = "capget", SetLastError = true)]
    private static extern int GetCapabilities(ref Header header, [Out] uint[] sets);

    [DllImport("libc", EntryPoint = "capset", SetLastError = true)]
    private static extern int SetCapabilities(ref Header header, [In] uint[] sets);

    private struct Header
    {
        public uint Version;
        public int Thread; // 0 = the caller's.
    }

    /// <summary>Does all that is awaited on the thread that runs it.</summary>
    private sealed class OneThread : SynchronizationContext, IDisposable
    {
        private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _waiting = [];

        public override void Post(SendOrPostCallback d, object? state)
        {
            if (!_waiting.IsAddingCompleted) _waiting.Add((d, state));
        }

        public void Run()
        {
            foreach ((SendOrPostCallback callback, object? state) in _waiting.GetConsumingEnumerable()) callback(state);
        }

        public void End() => _waiting.CompleteAdding();

        public void Dispose() => _waiting.Dispose();
    }
}
