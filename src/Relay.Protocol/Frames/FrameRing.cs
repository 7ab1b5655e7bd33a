using System.Buffers;

namespace Relay.Protocol.Frames;

/// <summary>
/// Whole frames, one behind the other, in a buffer that is rented while there is something in it and grows up to a limit. Frames leave at
/// the front, by being taken or by being dropped. Not for two threads at once.
/// </summary>
public sealed class FrameRing(int maxBytes)
{
    private const int FirstLength = 4 << 10;

    private byte[] _buffer = [];
    private int _head;

    /// <summary>The bytes of all frames.</summary>
    public int Length { get; private set; }

    /// <summary>The number of frames.</summary>
    public int Count { get; private set; }

    /// <summary>The most bytes it holds.</summary>
    public int MaxBytes => maxBytes;

    /// <summary>Appends a frame; false where it does not fit as things are.</summary>
    public bool TryAppend(ReadOnlySpan<byte> frame)
    {
        if (Length + frame.Length > maxBytes) return false;
        if (Length + frame.Length > _buffer.Length) Grow(Length + frame.Length);

        int tail = (_head + Length) % _buffer.Length;
        int first = Math.Min(frame.Length, _buffer.Length - tail);
        frame[..first].CopyTo(_buffer.AsSpan(tail));
        frame[first..].CopyTo(_buffer);
        Length += frame.Length;
        Count++;
        return true;
    }

    /// <summary>Drops the frame at the front. There must be one.</summary>
    public void DropOldest() => Advance(FrontLength(), 1);

    /// <summary>Moves whole frames from the front to <paramref name="destination"/>, as many as fit.</summary>
    /// <returns>The bytes moved.</returns>
    public int Take(Span<byte> destination)
    {
        int taken = 0;
        int frames = 0;
        while (frames < Count)
        {
            int length = FrameLengthAt(taken);
            if (taken + length > destination.Length) break;
            taken += length;
            frames++;
        }

        if (taken == 0) return 0;
        int first = Math.Min(taken, _buffer.Length - _head);
        _buffer.AsSpan(_head, first).CopyTo(destination);
        _buffer.AsSpan(0, taken - first).CopyTo(destination[first..]);
        Advance(taken, frames);
        return taken;
    }

    /// <summary>Drops all there is, and gives the buffer back.</summary>
    /// <returns>The frames dropped.</returns>
    public int Clear()
    {
        int dropped = Count;
        Advance(Length, Count);
        return dropped;
    }

    private int FrontLength() => FrameLengthAt(0);

    private int FrameLengthAt(int offset)
    {
        Span<byte> header = stackalloc byte[FrameHeader.Length];
        for (int i = 0; i < header.Length; i++) header[i] = _buffer[(_head + offset + i) % _buffer.Length];
        FrameHeader.TryRead(header, out FrameHeader read);
        return FrameHeader.Length + (int)read.BodyLength;
    }

    private void Advance(int bytes, int frames)
    {
        Length -= bytes;
        Count -= frames;
        _head = Length == 0 ? 0 : (_head + bytes) % _buffer.Length;
        if (Length > 0 || _buffer.Length == 0) return;
        ArrayPool<byte>.Shared.Return(_buffer); // At rest it owns nothing.
        _buffer = [];
    }

    private void Grow(int wanted)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstLength, Math.Min(maxBytes, Math.Max(wanted, _buffer.Length * 2))));
        int first = Math.Min(Length, _buffer.Length - _head);
        _buffer.AsSpan(_head, first).CopyTo(larger);
        _buffer.AsSpan(0, Length - first).CopyTo(larger.AsSpan(first));
        if (_buffer.Length > 0) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
        _head = 0;
    }
}
