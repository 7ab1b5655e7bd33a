using System.Collections.Concurrent;
using System.Diagnostics;

namespace NatLab.Wire;

/// <summary>One direction of the cable: a thread that reads and stamps, and one that sends what is due. The delay is one for all, so a queue keeps the order.</summary>
internal sealed class DelayLine(PacketPort from, PacketPort to, TimeSpan delay) : IDisposable
{
    /// <summary>Frames under way at most: a second of 200 Mbit/s in small packets. Beyond it the cable drops, as a full router does.</summary>
    private const int MaxFrames = 20_000;

    private readonly BlockingCollection<(byte[] Frame, long DueAt)> _underWay = new(MaxFrames);

    public Thread[] Start()
    {
        Thread[] threads = [new(Read) { IsBackground = true }, new(Send) { IsBackground = true }];
        foreach (Thread thread in threads) thread.Start();
        return threads;
    }

    public void Dispose() => _underWay.Dispose();

    private void Read()
    {
        byte[] buffer = new byte[PacketPort.MaxFrameLength];
        while (true)
        {
            int length = from.Receive(buffer);
            long dueAt = Stopwatch.GetTimestamp() + (long)(delay.TotalSeconds * Stopwatch.Frequency);
            if (length > 0) _underWay.TryAdd((buffer[..length], dueAt));
        }
    }

    private void Send()
    {
        foreach ((byte[] frame, long dueAt) in _underWay.GetConsumingEnumerable())
        {
            TimeSpan wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), dueAt);
            if (wait > TimeSpan.Zero) Thread.Sleep((int)Math.Ceiling(wait.TotalMilliseconds)); // It counts in whole milliseconds, and a cable is never early.
            to.Send(frame);
        }
    }
}
