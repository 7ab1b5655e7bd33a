using Node.Traversal.Io.Relay;
using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Node.Traversal.Tests.Io.Relay;

public class RelayFramesTests
{
    private const int BufferLength = 64;

    private readonly RelayFrames _frames = new(BufferLength);
    private readonly List<(FrameType Type, byte[] Body)> _taken = [];
    private readonly List<byte> _held = [];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(64)]
    public void Frames_are_whole_however_the_bytes_come(int atOnce)
    {
        Come([.. Frame(FrameType.KeepAlive, 0), .. Frame(FrameType.Pong, 8), .. Frame(FrameType.PeerGone, 33)], atOnce);

        Assert.Equal([FrameType.KeepAlive, FrameType.Pong, FrameType.PeerGone], _taken.Select(taken => taken.Type));
        Assert.Equal([0, 8, 33], _taken.Select(taken => taken.Body.Length));
        Assert.Empty(_held);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    public void A_frame_that_the_buffer_cannot_hold_is_passed_over_and_the_next_one_is_not(int atOnce)
    {
        Come([.. Frame(FrameType.Health, BufferLength), .. Frame(FrameType.Pong, 8)], atOnce);

        Assert.Equal([FrameType.Pong], _taken.Select(taken => taken.Type));
        Assert.Empty(_held);
    }

    [Fact]
    public void Another_connection_begins_at_its_first_byte()
    {
        Come(Frame(FrameType.Health, 1000)[..20], atOnce: 20);
        _frames.Begin();

        Come(Frame(FrameType.Pong, 8), atOnce: 64);

        Assert.Equal([FrameType.Pong], _taken.Select(taken => taken.Type));
    }

    [Fact]
    public void A_frame_longer_than_any_may_be_ends_the_connection()
    {
        byte[] header = new byte[FrameHeader.Length];
        FrameHeader.Write(header, FrameType.RecvPacket, RelayLimits.MaxFrameLength + 1);

        Assert.Throws<RelayProtocolException>(() => Come(header, atOnce: 64));
    }

    private static byte[] Frame(FrameType type, int bodyLength)
    {
        byte[] frame = new byte[FrameHeader.Length + bodyLength];
        FrameHeader.Write(frame, type, bodyLength);
        return frame;
    }

    /// <summary>The bytes come in pieces, and what is not done with is held, as in the client.</summary>
    private void Come(byte[] bytes, int atOnce)
    {
        foreach (byte[] piece in bytes.Chunk(atOnce))
        {
            _held.AddRange(piece);
            byte[] input = [.. _held];
            int consumed = 0;
            while (_frames.TryTake(input, ref consumed, out FrameType type, out ReadOnlySpan<byte> body)) _taken.Add((type, body.ToArray()));
            _held.RemoveRange(0, consumed);
        }
    }
}
