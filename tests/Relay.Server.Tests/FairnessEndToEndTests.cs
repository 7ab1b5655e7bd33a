using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Tests;

/// <summary>
/// One elephant, a hundred mice and a destination on a slow link, through a relay in a process of its own. The figures are printed; what
/// is asserted holds on a busy machine too.
/// </summary>
public sealed class FairnessEndToEndTests(ITestOutputHelper output)
{
    private const int Mice = 100;
    private const int MouseLength = 200;
    private const int ElephantLength = 1400;
    private const int LinkBytesPerSecond = 2_000_000; // Of which the mice ask for a quarter.
    private static readonly TimeSpan MousePace = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan ElephantPace = TimeSpan.FromMilliseconds(5);
    private const int ElephantBurst = 70; // 20 MB/s: ten times the link.
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Mice_do_not_feel_an_elephant_of_ten_times_the_link()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0");

        Figures alone = await MeasureAsync(relay, hasElephant: false);
        Figures beside = await MeasureAsync(relay, hasElephant: true);

        output.WriteLine($"mice alone:               Jain {alone.Jain:0.0000}  p50 {alone.Percentile(50):0.0} ms  p99 {alone.Percentile(99):0.0} ms  lost {alone.Lost} of {alone.Sent}");
        output.WriteLine($"mice beside the elephant: Jain {beside.Jain:0.0000}  p50 {beside.Percentile(50):0.0} ms  p99 {beside.Percentile(99):0.0} ms  lost {beside.Lost} of {beside.Sent}; the elephant got {beside.ElephantPackets} packets through");
        Assert.InRange(beside.Jain, 0.9, 1);
        Assert.True(beside.Lost < beside.Sent / 10, $"{beside.Lost} of {beside.Sent} packets of mice were lost.");
        Assert.True(beside.ElephantPackets > 0);
    }

    private static async Task<Figures> MeasureAsync(RunningRelay relay, bool hasElephant)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 32 << 10 };
        await socket.ConnectAsync(IPEndPoint.Parse(relay.Plain));
        using TestClient destination = await TestClient.LogInAsync(new SlowStream(new NetworkStream(socket, ownsSocket: true), LinkBytesPerSecond), 199);
        List<TestClient> mice = [];
        for (int i = 0; i < Mice; i++) mice.Add(await TestClient.LogInAsync(await relay.OpenPlainAsync(), (byte)(i + 1)));
        using TestClient elephant = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Mice + 1);

        Figures figures = new();
        using CancellationTokenSource ending = new();
        Task receiving = ReceiveAsync(destination, mice, elephant, figures);
        Task trampling = hasElephant ? TrampleAsync(elephant, destination.Key, ending.Token) : Task.CompletedTask;
        int[] sent = await Task.WhenAll(mice.Select((mouse, index) => ScurryAsync(mouse, destination.Key, TimeSpan.FromMilliseconds(index % 50))));
        await ending.CancelAsync();
        await trampling;
        await mice[0].SendAsync(destination.Key, [0]); // The end.
        await receiving;
        figures.Sent = sent.Sum();
        foreach (TestClient mouse in mice) mouse.Dispose();
        return figures;
    }

    private static async Task<int> ScurryAsync(TestClient mouse, NodeKey to, TimeSpan shift)
    {
        await Task.Delay(shift);
        using PeriodicTimer timer = new(MousePace);
        byte[] packet = new byte[MouseLength];
        int sent = 0;
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < Duration; sent++)
        {
            BitConverter.TryWriteBytes(packet, Stopwatch.GetTimestamp());
            await mouse.SendAsync(to, packet);
            await timer.WaitForNextTickAsync();
        }

        return sent;
    }

    private static async Task TrampleAsync(TestClient elephant, NodeKey to, CancellationToken ending)
    {
        using PeriodicTimer timer = new(ElephantPace);
        byte[] packet = new byte[ElephantLength];
        while (!ending.IsCancellationRequested)
        {
            for (int i = 0; i < ElephantBurst; i++) await elephant.SendAsync(to, packet);
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }
    }

    private static async Task ReceiveAsync(TestClient destination, List<TestClient> mice, TestClient elephant, Figures figures)
    {
        Dictionary<NodeKey, int> numbers = mice.Select((mouse, index) => (mouse.Key, index)).ToDictionary(pair => pair.Key, pair => pair.index);
        while (true)
        {
            (FrameType type, byte[] body) = await destination.ReceiveAsync();
            if (type != FrameType.RecvPacket) continue;
            NodeKey from = new(body.AsSpan(0, NodeKey.Length));
            if (from == elephant.Key)
            {
                figures.ElephantPackets++;
                continue;
            }

            if (body.Length == NodeKey.Length + 1) return;
            figures.Received[numbers[from]]++;
            figures.Milliseconds.Add(Stopwatch.GetElapsedTime(BitConverter.ToInt64(body, NodeKey.Length)).TotalMilliseconds);
        }
    }

    private sealed class Figures
    {
        public int[] Received { get; } = new int[Mice];

        public List<double> Milliseconds { get; } = [];

        public int ElephantPackets { get; set; }

        public int Sent { get; set; }

        public int Lost => Sent - Received.Sum();

        /// <summary>(Σx)² / (n · Σx²): 1 = all got the same.</summary>
        public double Jain => Math.Pow(Received.Sum(), 2) / (Mice * Received.Sum(count => Math.Pow(count, 2)));

        public double Percentile(int percent) => Milliseconds.Order().ElementAt(Milliseconds.Count * percent / 100);
    }

    /// <summary>A stream that gives so many bytes a second.</summary>
    private sealed class SlowStream(Stream inner, int bytesPerSecond) : Stream
    {
        private long _ready = Stopwatch.GetTimestamp();

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            const int MostAtOnce = 16 << 10;
            long now = Stopwatch.GetTimestamp();
            if (_ready > now) await Task.Delay(Stopwatch.GetElapsedTime(now, _ready), cancellationToken);
            int read = await inner.ReadAsync(buffer[..Math.Min(buffer.Length, MostAtOnce)], cancellationToken);
            long least = Stopwatch.GetTimestamp() - Stopwatch.Frequency / 50; // A link saves nothing up but what a late timer owes.
            _ready = Math.Max(_ready, least) + read * Stopwatch.Frequency / bytesPerSecond;
            return read;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush() => inner.Flush();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
