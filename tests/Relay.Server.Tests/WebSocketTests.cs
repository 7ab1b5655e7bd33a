using System.Net.WebSockets;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Streams;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests;

/// <summary>The relay by WebSocket, as a browser speaks it.</summary>
public sealed class WebSocketTests
{
    private static readonly string[] Plain = ["--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0"];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Packets_of_every_length_pass_between_a_WebSocket_and_a_raw_connection(bool isTls)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(["--listen", "127.0.0.1:0", .. Plain]);
        using ClientWebSocket socket = await OpenAsync(relay, isTls);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(socket), 1);
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        Assert.Equal(relay.PublicKey, alice.ServerKey.ToHex());

        foreach (int length in (int[])[0, 1, 1400, 65536])
        {
            byte[] packet = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            await alice.SendAsync(bob.Key, packet);
            byte[] received = (await bob.ReceiveAsync()).Body;
            Assert.Equal((byte[])[.. Bytes(alice.Key), .. packet], received);
            await bob.SendAsync(alice.Key, packet);
            received = (await alice.ReceiveAsync()).Body;
            Assert.Equal((byte[])[.. Bytes(bob.Key), .. packet], received);
        }
    }

    [Fact]
    public async Task A_WebSocket_is_counted_as_such_and_not_as_the_connection_it_came_by()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(["--listen", "127.0.0.1:0", .. Plain]);
        using ClientWebSocket overTls = await OpenAsync(relay, isTls: true);
        using ClientWebSocket overPlain = await OpenAsync(relay, isTls: false);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(overTls), 1);
        using TestClient bob = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(overPlain), 2);
        using TestClient carol = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 3);

        using HttpClient web = new();
        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));

        Assert.Contains("relay_connections{relay_transport=\"websocket\"} 2\n", metrics, StringComparison.Ordinal);
        Assert.Contains("relay_connections{relay_transport=\"tls\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("relay_connections{relay_transport=\"plain\"} 1\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Messages_and_frames_have_nothing_to_do_with_each_other()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Plain);
        using ClientWebSocket socket = await OpenAsync(relay, isTls: false);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(socket), 1);
        byte[] small = RelayWorld.SendPacket(alice.Key, 1, 2, 3);
        byte[] large = RelayWorld.SendPacket(alice.Key, new byte[65536]);

        await SendAsync(socket, [.. large, .. small, .. small, .. large], endOfMessage: true); // Four frames, one message of 128 KiB.
        await SendAsync(socket, small[..7], endOfMessage: false); // One frame in three fragments.
        await SendAsync(socket, small[7..9], endOfMessage: false);
        await SendAsync(socket, small[9..], endOfMessage: true);
        await SendAsync(socket, [], endOfMessage: true); // An empty message is no end.
        foreach (byte one in small) await SendAsync(socket, [one], endOfMessage: true); // And one in as many messages as it has bytes.

        foreach (int length in (int[])[65536, 3, 3, 65536, 3, 3]) Assert.Equal(32 + length, (await alice.ReceiveAsync()).Body.Length);
    }

    [Fact]
    public async Task A_message_to_the_client_is_never_longer_than_stock_clients_take()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Plain);
        using ClientWebSocket socket = await OpenAsync(relay, isTls: false);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(socket), 1);
        await SendAsync(socket, RelayWorld.SendPacket(alice.Key, new byte[65536]), endOfMessage: true);

        int received = 0;
        byte[] buffer = new byte[128 << 10];
        while (received < PacketFrame.PrefixLength + 65536)
        {
            int message = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).AsTask().WaitAsync(Patience);
                message += result.Count;
            }
            while (!result.EndOfMessage);
            Assert.InRange(message, 1, 32 << 10);
            received += message;
        }
    }

    [Fact]
    public async Task A_subprotocol_that_only_resembles_ours_is_refused_as_a_policy_violation()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Plain);
        using ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("derp.v9");
        try
        {
            await socket.ConnectAsync(new Uri($"ws://{relay.Plain}/derp"), CancellationToken.None).WaitAsync(Patience);
        }
        catch (WebSocketException)
        {
            return; // This client minds that no subprotocol was agreed on; the relay's farewell is read by those that do not.
        }

        WebSocketReceiveResult result = await socket.ReceiveAsync(new byte[100], CancellationToken.None).WaitAsync(Patience);
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, result.CloseStatus);
    }

    [Theory]
    [InlineData(WebSocketMessageType.Binary)]
    [InlineData(WebSocketMessageType.Text)]
    public async Task A_client_that_breaks_the_protocol_is_told_farewell(WebSocketMessageType type)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Plain);
        using ClientWebSocket socket = await OpenAsync(relay, isTls: false);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(socket), 1);

        await socket.SendAsync(RelayWorld.Frame(FrameType.SendPacket, new byte[31]), type, endOfMessage: true, CancellationToken.None);

        WebSocketReceiveResult result = await socket.ReceiveAsync(new byte[100], CancellationToken.None).WaitAsync(Patience);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.InternalServerError), (result.MessageType, result.CloseStatus));
    }

    [Fact]
    public async Task Another_path_is_another_path()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--path", "/relay/v2"]);
        using ClientWebSocket socket = await OpenAsync(relay, isTls: false, "/relay/v2");
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(socket), 1);

        await Assert.ThrowsAsync<WebSocketException>(() => OpenAsync(relay, isTls: false));
    }

    private static async Task<ClientWebSocket> OpenAsync(RunningRelay relay, bool isTls, string path = "/derp")
    {
        ClientWebSocket socket = new();
        socket.Options.AddSubProtocol("derp");
        socket.Options.DangerousDeflateOptions = new WebSocketDeflateOptions(); // Offered, and not to be taken.
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null;
        await socket.ConnectAsync(new Uri(isTls ? $"wss://{relay.Tls}{path}" : $"ws://{relay.Plain}{path}"), CancellationToken.None).WaitAsync(Patience);
        Assert.Equal("derp", socket.SubProtocol);
        return socket;
    }

    private static Task SendAsync(ClientWebSocket socket, byte[] bytes, bool endOfMessage) =>
        socket.SendAsync(bytes, WebSocketMessageType.Binary, endOfMessage, CancellationToken.None).WaitAsync(Patience);

    private static byte[] Bytes(NodeKey key)
    {
        byte[] bytes = new byte[NodeKey.Length];
        key.CopyTo(bytes);
        return bytes;
    }
}
