using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>Bytes on their way to one socket: filled, sent at once, and filled again for the next. One a shard, in native memory.</summary>
internal unsafe struct OutBuffer
{
    /// <summary>What it holds: what is sent at once, and behind it the longest run a round can bring, sealed.</summary>
    public const int Capacity = 512 << 10;

    private byte* _bytes;

    /// <summary>What it holds at present.</summary>
    public int Length { get; set; }

    public readonly byte* Bytes => _bytes;

    /// <summary>Makes one, to be given back by <see cref="Free"/>.</summary>
    public static OutBuffer* Allocate()
    {
        OutBuffer* buffer = (OutBuffer*)NativeMemory.AllocZeroed((nuint)sizeof(OutBuffer));
        buffer->_bytes = (byte*)NativeMemory.AlignedAlloc(Capacity, 4096);
        return buffer;
    }

    public static void Free(OutBuffer* buffer)
    {
        NativeMemory.AlignedFree(buffer->_bytes);
        NativeMemory.Free(buffer);
    }

    /// <summary>Appends bytes; false where they do not fit, and then none are.</summary>
    public bool TryAppend(byte* bytes, int length)
    {
        if ((uint)length > (uint)(Capacity - Length)) return false;
        Buffer.MemoryCopy(bytes, _bytes + Length, Capacity - Length, length);
        Length += length;
        return true;
    }
}
