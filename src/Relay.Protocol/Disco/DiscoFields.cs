using System.Buffers;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>What the MessagePack bodies of our own disco messages have in common: small integer keys, node keys of 32 bytes.</summary>
internal static class DiscoFields
{
    /// <summary>The most fields of a message: later versions may have some that we skip.</summary>
    public const int MaxFields = 32;

    public static void WriteKey(ref MessagePackWriter writer, int field, NodeKey key)
    {
        Span<byte> bytes = stackalloc byte[NodeKey.Length];
        key.CopyTo(bytes);
        writer.Write(field);
        writer.Write(bytes);
    }

    public static void WriteNumber(ref MessagePackWriter writer, int field, long value)
    {
        writer.Write(field);
        writer.Write(value);
    }

    /// <exception cref="MessagePackSerializationException">It is no key.</exception>
    public static NodeKey ReadKey(ref MessagePackReader reader)
    {
        ReadOnlySequence<byte>? bytes = reader.ReadBytes();
        if (bytes is not { Length: NodeKey.Length } whole) throw new MessagePackSerializationException("A key has 32 bytes.");
        return new NodeKey(whole.ToArray());
    }

    /// <summary>Says whether an exception means that an authenticated peer has sent nonsense; the caller counts it.</summary>
    public static bool IsNonsense(Exception exception) => exception is MessagePackSerializationException or EndOfStreamException or OverflowException;

    /// <summary>Times go as whole microseconds.</summary>
    public static long Microseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Reads a time; false where it is negative or longer than <paramref name="longest"/>.</summary>
    public static bool TryTime(long microseconds, TimeSpan longest, out TimeSpan time)
    {
        bool isTime = microseconds >= 0 && microseconds <= longest.Ticks / TimeSpan.TicksPerMicrosecond;
        time = isTime ? TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond) : default;
        return isTime;
    }
}
