using System.Buffers.Binary;
using Addresses;
namespace Stun.Protocol;
/// <summary>x</summary>
public readonly record struct TransactionId
{
    /// <summary>x</summary>
    public const int Length = 12;
    private readonly ulong _a; private readonly uint _b;
    /// <summary>x</summary>
    public TransactionId(ReadOnlySpan<byte> b) { _a = BinaryPrimitives.ReadUInt64BigEndian(b); _b = BinaryPrimitives.ReadUInt32BigEndian(b[8..]); }
    /// <summary>x</summary>
    public void CopyTo(Span<byte> d) { BinaryPrimitives.WriteUInt64BigEndian(d, _a); BinaryPrimitives.WriteUInt32BigEndian(d[8..], _b); }
}
/// <summary>x</summary>
public static class StunBindingRequest
{
    /// <summary>x</summary>
    public const int Length = 40;
    /// <summary>x</summary>
    public static int Write(Span<byte> d, TransactionId id) { d[..40].Clear(); d[1] = 1; d[3] = 20; BinaryPrimitives.WriteUInt32BigEndian(d[4..], 0x2112a442); id.CopyTo(d[8..]); return 40; }
}
/// <summary>x</summary>
public static class StunBindingResponse
{
    /// <summary>x</summary>
    public static bool TryRead(ReadOnlySpan<byte> d, out TransactionId id, out TransportAddress m) { id = default; m = default; if (d.Length < 38 || d[0] != 1 || d[1] != 1) return false; id = new TransactionId(d.Slice(8, 12)); m = TransportAddress.FromBytes16(d.Slice(20, 16), BinaryPrimitives.ReadUInt16BigEndian(d[36..])); return true; }
}
