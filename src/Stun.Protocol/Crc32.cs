using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>CRC-32 as in ISO 3309 and Ethernet: polynomial 04c11db7, bits reversed, eight bytes a step by as many tables.</summary>
internal static class Crc32
{
    private const uint ReversedPolynomial = 0xedb88320;
    private const int TableCount = 8;
    private const int TableLength = 256;

    private static readonly uint[] Tables = MakeTables();

    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<uint> tables = Tables;
        uint crc = uint.MaxValue;
        while (bytes.Length >= TableCount)
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = tables[(7 * TableLength) + (byte)low] ^ tables[(6 * TableLength) + (byte)(low >> 8)]
                ^ tables[(5 * TableLength) + (byte)(low >> 16)] ^ tables[(4 * TableLength) + (byte)(low >> 24)]
                ^ tables[(3 * TableLength) + (byte)high] ^ tables[(2 * TableLength) + (byte)(high >> 8)]
                ^ tables[TableLength + (byte)(high >> 16)] ^ tables[(byte)(high >> 24)];
            bytes = bytes[TableCount..];
        }

        foreach (byte value in bytes) crc = tables[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] MakeTables()
    {
        uint[] tables = new uint[TableCount * TableLength];
        for (int i = 0; i < TableLength; i++)
        {
            uint crc = (uint)i;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ ReversedPolynomial : crc >> 1;
            tables[i] = crc;
        }

        for (int i = TableLength; i < tables.Length; i++)
        {
            uint one = tables[i - TableLength]; // The same byte, one place further from the end.
            tables[i] = tables[(byte)one] ^ (one >> 8);
        }

        return tables;
    }
}
