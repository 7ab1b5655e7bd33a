using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests;

/// <summary>The least client of a relay: logs in, sends packets, receives frames.</summary>
internal sealed class TestClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private const int LongBuffer = 256 << 10;

    private readonly Stream _stream;
    private readonly byte[] _buffer;
    private int _held;

    private TestClient(Stream stream, NodeKeyPair keys, int bufferLength = LongBuffer)
    {
        _buffer = new byte[bufferLength];
        _stream = stream;
        Key = keys.PublicKey;
    }

    public NodeKey Key { get; }

    public NodeKey ServerKey { get; private set; }

    public static Task<TestClient> LogInAsync(Stream stream, byte seed, ClientInfo? info = null, string fields = "", string? token = null) =>
        LogInAsync(stream, RelayWorld.Keys(seed), info, fields, token);

    /// <param name="stream">The connection.</param>
    /// <param name="keys">The client's keys.</param>
    /// <param name="info">What it says of itself.</param>
    /// <param name="fields">Further fields of its request.</param>
    /// <param name="token">The token that it shows.</param>
    /// <param name="bufferLength">What it holds of what has come: the longest frame that it can take.</param>
    public static async Task<TestClient> LogInAsync(Stream stream, NodeKeyPair keys, ClientInfo? info = null, string fields = "", string? token = null, int bufferLength = LongBuffer)
    {
        TestClient client = new(stream, keys, bufferLength);
        ClientHandshake handshake = new(keys, $"relay{fields}", info ?? new ClientInfo(), new byte[Box.NonceLength], token);
        while (true)
        {
            if (handshake.TakeOutput() is { } output) await stream.WriteAsync(output);
            client.Drop(handshake.Receive(client._buffer.AsSpan(0, client._held)));
            if (handshake.IsComplete) break;
            if (handshake.TakeOutput() is { } more) await stream.WriteAsync(more);
            await client.FillAsync();
        }

        client.ServerKey = handshake.ServerKey;
        return client;
    }

    /// <summary>Logs in where no HTTP stands before the frames.</summary>
    public static async Task<TestClient> LogInWithoutHeadAsync(Stream stream, byte seed)
    {
        NodeKeyPair keys = RelayWorld.Keys(seed);
        TestClient client = new(stream, keys);
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        Assert.Equal(FrameType.ServerKey, type);
        Assert.True(ServerKeyFrame.TryRead(body, out NodeKey serverKey));
        client.ServerKey = serverKey;
        await stream.WriteAsync(new ClientInfo().ToFrame(keys, serverKey, new byte[Box.NonceLength]));
        Assert.Equal(FrameType.ServerInfo, (await client.ReceiveAsync()).Type);
        return client;
    }

    public ValueTask SendFrameAsync(byte[] frame) => _stream.WriteAsync(frame);

    public ValueTask SendAsync(NodeKey to, byte[] packet) => _stream.WriteAsync(RelayWorld.SendPacket(to, packet));

    /// <summary>Sends bytes as they are; a connection that has ended takes none.</summary>
    public async Task SendRawAsync(byte[] bytes)
    {
        try
        {
            await _stream.WriteAsync(bytes);
        }
        catch (IOException exception)
        {
            Assert.NotNull(exception.InnerException);
        }
    }

    public async Task<(FrameType Type, byte[] Body)> ReceiveAsync()
    {
        while (true)
        {
            if (FrameHeader.TryRead(_buffer.AsSpan(0, _held), out FrameHeader header) && _held >= FrameHeader.Length + header.BodyLength)
            {
                byte[] body = _buffer.AsSpan(FrameHeader.Length, (int)header.BodyLength).ToArray();
                Drop(FrameHeader.Length + body.Length);
                return (header.Type, body);
            }

            await FillAsync();
        }
    }

    /// <summary>Waits until the relay ends the connection.</summary>
    public async Task LeftAsync()
    {
        try
        {
            while (true) await ReceiveAsync();
        }
        catch (Exception exception) when (exception is EndOfStreamException or IOException)
        {
            return;
        }
    }

    public void Dispose() => _stream.Dispose();

    private async Task FillAsync()
    {
        int read = await _stream.ReadAsync(_buffer.AsMemory(_held)).AsTask().WaitAsync(Patience);
        if (read == 0) throw new EndOfStreamException();
        _held += read;
    }

    private void Drop(int count)
    {
        _buffer.AsSpan(count, _held - count).CopyTo(_buffer);
        _held -= count;
    }
}
