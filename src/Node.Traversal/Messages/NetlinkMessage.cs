using System.Buffers.Binary;

namespace Node.Traversal.Messages;

/// <summary>
/// What the Linux kernel says of its links, addresses and routes (rtnetlink): a row of messages, each a header of 16 bytes in the machine's
/// own byte order (length with the header 32 bits, type 16, flags 16, sequence 32, port 32), then a body, padded to 4 bytes.
/// </summary>
internal static class NetlinkMessage
{
    private const int HeaderLength = 16;
    private const ushort NewLink = 16;
    private const ushort DeleteLink = 17;
    private const ushort NewAddress = 20;
    private const ushort DeleteAddress = 21;
    private const ushort NewRoute = 24;
    private const ushort DeleteRoute = 25;

    /// <summary>Says whether any of the messages tells of a link, an address or a route that has come, gone or changed. What is malformed ends the row.</summary>
    public static bool TellsOfChange(ReadOnlySpan<byte> messages)
    {
        while (messages.Length >= HeaderLength)
        {
            uint length = BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(messages) : BinaryPrimitives.ReadUInt32BigEndian(messages);
            ushort type = BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(messages[4..]) : BinaryPrimitives.ReadUInt16BigEndian(messages[4..]);
            if (length < HeaderLength || length > messages.Length) return false;
            if (type is NewLink or DeleteLink or NewAddress or DeleteAddress or NewRoute or DeleteRoute) return true;

            int padded = (int)Math.Min((length + 3) & ~3u, (uint)messages.Length);
            messages = messages[padded..];
        }

        return false;
    }
}
