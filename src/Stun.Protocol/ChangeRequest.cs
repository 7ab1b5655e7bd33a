using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>
/// CHANGE-REQUEST: from where the answer should come. Value: 29 zero bits, "change IP" (1 bit), "change port" (1 bit), a zero bit
/// (RFC 5780 §7.2).
/// </summary>
/// <param name="ChangeAddress">The server's other address.</param>
/// <param name="ChangePort">The server's other port.</param>
public readonly record struct ChangeRequest(bool ChangeAddress, bool ChangePort)
{
    private const int ValueLength = 4;
    private const uint AddressBit = 4;
    private const uint PortBit = 2;

    /// <summary>Reads a value; false when it is not 32 bits. Other bits than the two are passed over.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out ChangeRequest change)
    {
        change = default;
        if (value.Length != ValueLength) return false;

        uint bits = BinaryPrimitives.ReadUInt32BigEndian(value);
        change = new ChangeRequest((bits & AddressBit) != 0, (bits & PortBit) != 0);
        return true;
    }

    /// <summary>Appends the attribute to a message.</summary>
    public void AddTo(ref StunMessageWriter writer) =>
        BinaryPrimitives.WriteUInt32BigEndian(writer.Reserve(StunAttributeType.ChangeRequest, ValueLength), (ChangeAddress ? AddressBit : 0) | (ChangePort ? PortBit : 0));
}
