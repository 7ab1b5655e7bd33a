using System.Buffers;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>Fields of our own messages: a MessagePack map from small integers to keys, numbers and times.</summary>
internal static class MessageFields
{
    public static void Write(ref MessagePackWriter writer, int field, NodeKey key)
    {
        Span<byte> bytes = stackalloc byte[NodeKey.Length];
        key.CopyTo(bytes);
        writer.Write(field);
        writer.Write(bytes);
    }

    public static void Write(ref MessagePackWriter writer, int field, long value)
    {
        writer.Write(field);
        writer.Write(value);
    }

    public static NodeKey ReadKey(ref MessagePackReader reader)
    {
        ReadOnlySequence<byte>? bytes = reader.ReadBytes();
        if (bytes is not { Length: NodeKey.Length } whole) throw new MessagePackSerializationException("A key has 32 bytes.");
        return new NodeKey(whole.ToArray());
    }

    /// <summary>Times go as whole microseconds.</summary>
    public static long Microseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Reads a time; false where it is negative or longer than <paramref name="longest"/>.</summary>
    public static bool TryTime(long microseconds, TimeSpan longest, out TimeSpan time)
    {
        bool isTime = microseconds >= 0 && microseconds <= longest.Ticks / TimeSpan.TicksPerMicrosecond;
        time = isTime ? TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond) : default;
        return isTime;
    }

    /// <summary>Says whether this is what the reader throws at bytes that are no such map.</summary>
    public static bool IsNonsense(Exception exception) => exception is MessagePackSerializationException or EndOfStreamException or OverflowException;
}
