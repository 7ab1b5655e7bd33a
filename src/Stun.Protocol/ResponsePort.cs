using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>RESPONSE-PORT: to which port of the source the answer should go. Value: port (16 bits), then 16 bits without meaning (RFC 5780 §7.5).</summary>
public static class ResponsePort
{
    private const int ValueLength = 4;
    private const int ValueLengthWithoutPadding = 2; // Some count the two bytes behind the port as padding of the attribute.

    /// <summary>Reads a value; false when it has no port in it.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out ushort port)
    {
        port = 0;
        if (value.Length is not (ValueLength or ValueLengthWithoutPadding)) return false;
        port = BinaryPrimitives.ReadUInt16BigEndian(value);
        return true;
    }

    /// <summary>Appends the attribute to a message.</summary>
    public static void AddTo(ref StunMessageWriter writer, ushort port) =>
        BinaryPrimitives.WriteUInt16BigEndian(writer.Reserve(StunAttributeType.ResponsePort, ValueLength), port);
}
