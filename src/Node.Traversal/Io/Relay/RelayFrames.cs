using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Node.Traversal.Io.Relay;

/// <summary>Finds the whole frames in what a relay has sent so far. Those too long for the buffer are longer than anything we know, and passed over.</summary>
/// <param name="bufferLength">The bytes that are held at most.</param>
internal sealed class RelayFrames(int bufferLength)
{
    private long _skip;

    /// <summary>Another connection begins.</summary>
    public void Begin() => _skip = 0;

    /// <summary>Takes the next whole frame.</summary>
    /// <param name="input">The bytes that are held.</param>
    /// <param name="consumed">How many of them are done with: those before the frame when it is called, and the frame too when it returns true.</param>
    /// <param name="type">What the frame is.</param>
    /// <param name="body">Its body; it aliases the input.</param>
    /// <exception cref="RelayProtocolException">It is longer than any frame may be.</exception>
    public bool TryTake(ReadOnlySpan<byte> input, ref int consumed, out FrameType type, out ReadOnlySpan<byte> body)
    {
        type = default;
        body = default;
        while (true)
        {
            int skipped = (int)Math.Min(_skip, input.Length - consumed);
            _skip -= skipped;
            consumed += skipped;

            ReadOnlySpan<byte> rest = input[consumed..];
            if (!FrameHeader.TryRead(rest, out FrameHeader header)) return false;
            if (header.BodyLength > RelayLimits.MaxFrameLength) throw new RelayProtocolException($"the relay sent a frame of {header.BodyLength} bytes");
            if (header.BodyLength > bufferLength - FrameHeader.Length)
            {
                consumed += FrameHeader.Length;
                _skip = header.BodyLength;
                continue;
            }

            int length = FrameHeader.Length + (int)header.BodyLength;
            if (rest.Length < length) return false;
            type = header.Type;
            body = rest[FrameHeader.Length..length];
            consumed += length;
            return true;
        }
    }
}
