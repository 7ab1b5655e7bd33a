using System.Buffers.Binary;
using System.Text;
using Addresses;

namespace Node.Traversal.Messages;

/// <summary>The little of DNS (RFC 1035 §4) that it takes to ask for a name's addresses.</summary>
internal static class DnsMessage
{
    public const ushort TypeA = 1;
    public const ushort TypeAaaa = 28;

    /// <summary>The longest answer that is read, in bytes: what a server sends over UDP unasked.</summary>
    public const int MaxLength = 1232;

    private const int HeaderLength = 12;
    private const ushort ClassInternet = 1;
    private const ushort RecursionDesired = 0x0100;
    private const int ResponseBit = 0x8000;
    private const int TruncatedBit = 0x0200;
    private const int RcodeMask = 0x000f;
    private const int NameError = 3;
    private const int MaxLabelLength = 63;
    private const int MaxNameLength = 253;
    private const int MaxAddresses = 16;
    private const int PointerMask = 0xc0;

    /// <summary>Writes a query.</summary>
    /// <param name="name">The name, without a dot at its end.</param>
    /// <param name="type"><see cref="TypeA"/> or <see cref="TypeAaaa"/>.</param>
    /// <param name="id">A random number, which the answer repeats.</param>
    /// <exception cref="ArgumentException">The name has a label over 63 or is over 253 bytes, or has an empty label.</exception>
    public static byte[] Query(string name, ushort type, ushort id)
    {
        if (name.Length > MaxNameLength) throw new ArgumentException($"'{name}' is too long for a host name.");
        List<byte> query = [.. new byte[HeaderLength]];
        foreach (string label in name.TrimEnd('.').Split('.'))
        {
            byte[] bytes = Encoding.ASCII.GetBytes(label);
            if (bytes.Length is 0 or > MaxLabelLength) throw new ArgumentException($"'{name}' is no host name.");
            query.Add((byte)bytes.Length);
            query.AddRange(bytes);
        }

        byte[] message = [.. query, 0, (byte)(type >> 8), (byte)type, 0, (byte)ClassInternet];
        BinaryPrimitives.WriteUInt16BigEndian(message, id);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), RecursionDesired);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(4), 1); // One question.
        return message;
    }

    /// <summary>Reads an answer: all addresses of the type asked for, aliases followed by the server.</summary>
    /// <returns>False where this is no whole answer to that query; true without addresses where the name has none.</returns>
    public static bool TryReadAnswer(ReadOnlySpan<byte> message, ushort id, ushort type, out TransportAddress[] addresses)
    {
        addresses = [];
        if (message.Length < HeaderLength || BinaryPrimitives.ReadUInt16BigEndian(message) != id) return false;
        int flags = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
        if ((flags & ResponseBit) == 0 || (flags & TruncatedBit) != 0 || (flags & RcodeMask) is not (0 or NameError)) return false;

        int offset = HeaderLength;
        for (int questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]); questions > 0; questions--)
        {
            if (!TrySkipName(message, ref offset) || offset + 4 > message.Length) return false;
            offset += 4;
        }

        List<TransportAddress> found = [];
        for (int answers = BinaryPrimitives.ReadUInt16BigEndian(message[6..]); answers > 0; answers--)
        {
            if (!TryReadRecord(message, ref offset, type, found)) return false;
        }

        addresses = [.. found.Take(MaxAddresses)];
        return true;
    }

    private static bool TryReadRecord(ReadOnlySpan<byte> message, ref int offset, ushort wanted, List<TransportAddress> found)
    {
        const int FixedLength = 10; // Type, class, time to live, length.
        if (!TrySkipName(message, ref offset) || offset + FixedLength > message.Length) return false;
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(message[offset..]);
        int length = BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 8)..]);
        offset += FixedLength;
        if (offset + length > message.Length) return false;

        ReadOnlySpan<byte> data = message.Slice(offset, length);
        offset += length;
        if (type != wanted) return true;
        if (type == TypeA && length == 4) found.Add(TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(data), 0));
        if (type == TypeAaaa && length == 16) found.Add(TransportAddress.FromBytes16(data, 0));
        return true;
    }

    /// <summary>A name is labels up to an empty one, or up to a pointer, which ends it and is not followed here.</summary>
    private static bool TrySkipName(ReadOnlySpan<byte> message, ref int offset)
    {
        while (offset < message.Length)
        {
            int length = message[offset];
            if ((length & PointerMask) == PointerMask)
            {
                offset += 2;
                return offset <= message.Length;
            }

            offset += 1 + length;
            if (length == 0) return offset <= message.Length;
        }

        return false;
    }
}
