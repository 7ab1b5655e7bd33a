using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Tests;

/// <summary>A relay that dies with many clients, and comes back to all of them at once.</summary>
public sealed class ReconnectStormTests
{
    private const int Clients = 500;
    private const int AcceptRate = 100; // Twice as many at once: the rest of the storm is refused, and comes again.

    // The last is in after three seconds of refilling. A client waits n² × 10 ms less a half, so that it has come less than 15 times by then.
    private const int MaxRefusals = Clients * 15;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan LongestBackoff = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task All_are_back_within_a_bounded_number_of_refusals_and_a_pair_goes_on_meanwhile()
    {
        using CancellationTokenSource patience = new(Patience);
        string[] options = ["--listen", $"127.0.0.1:{FreePort.Find()}", "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0"];
        RunningRelay relay = await RunningRelay.StartAsync(options);
        TestClient[] before;
        await using (relay)
        {
            before = await Task.WhenAll(Enumerable.Range(0, Clients).Select(index => ConnectAsync(() => OpenTlsAsync(relay), index, patience.Token)));
        } // It is killed.

        Task<TestClient[]> storm = Task.WhenAll(before.Select(async (client, index) =>
        {
            await client.LeftAsync();
            client.Dispose();
            return await ConnectAsync(() => OpenTlsAsync(relay), index, patience.Token); // Of the old relay only the address is asked.
        }));
        await using RunningRelay again = await RunningRelay.StartAsync([.. options, "--accept-rate", $"{AcceptRate}"]);
        using TestClient alice = await ConnectAsync(again.OpenPlainAsync, Clients, patience.Token);
        using TestClient bob = await ConnectAsync(again.OpenPlainAsync, Clients + 1, patience.Token);
        int relayed = 0;
        for (; !storm.IsCompleted; relayed++)
        {
            await alice.SendAsync(bob.Key, [.. BitConverter.GetBytes(relayed)]);
            (FrameType type, byte[] body) = await bob.ReceiveAsync();
            Assert.Equal((FrameType.RecvPacket, relayed), (type, BitConverter.ToInt32(body, NodeKey.Length)));
        }

        TestClient[] after = await storm;
        Assert.True(relayed > 0, "The storm was over before the pair was there.");
        foreach (TestClient client in after)
        {
            await client.SendAsync(client.Key, [1]);
            Assert.Equal(FrameType.RecvPacket, (await client.ReceiveAsync()).Type);
        }

        Assert.Equal(Clients + 2, await MetricAsync(again, "relay_keys{}"));
        Assert.InRange(await MetricAsync(again, "relay_connections_refused_total{relay_refusal_reason=\"accept_rate\"}"), 1, MaxRefusals);
        foreach (TestClient client in after) client.Dispose();
    }

    private static async Task<Stream> OpenTlsAsync(RunningRelay relay) => (await relay.OpenTlsAsync()).Stream;

    /// <summary>Tries until it is in, with the pauses that clients of ours make.</summary>
    private static async Task<TestClient> ConnectAsync(Func<Task<Stream>> open, int index, CancellationToken cancellation)
    {
        for (int failures = 1; ; failures++)
        {
            Stream stream = Stream.Null;
            try
            {
                stream = await open();
                return await TestClient.LogInAsync(stream, KeysOf(index), bufferLength: 4 << 10);
            }
            catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException or RelayProtocolException)
            {
                await stream.DisposeAsync();
            }

            TimeSpan pause = TimeSpan.FromMilliseconds(10) * failures * failures * (0.5 + Random.Shared.NextDouble());
            await Task.Delay(pause < LongestBackoff ? pause : LongestBackoff, cancellation);
        }
    }

    private static NodeKeyPair KeysOf(int index)
    {
        byte[] secret = new byte[NodeKey.Length];
        BinaryPrimitives.WriteInt32BigEndian(secret.AsSpan(8), index + 1);
        return NodeKeyPair.FromPrivateKey(secret);
    }

    private static async Task<double> MetricAsync(RunningRelay relay, string series)
    {
        using HttpClient web = new();
        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));
        string line = metrics.Split('\n').Single(line => line.StartsWith(series + " ", StringComparison.Ordinal));
        return double.Parse(line[(series.Length + 1)..], CultureInfo.InvariantCulture);
    }
}
