using Stun.Protocol;
using Stun.Server.Core;

namespace Fuzz;

/// <summary>The framing of a stream: however it is cut into pieces, it says the same.</summary>
public static class StunStreamTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> rest = input;
        while (true)
        {
            Framing whole = StunFraming.Read(rest, out int length);
            FuzzException.Unless((length > 0) == (whole == Framing.Complete), "A length without a message, or a message without a length.");
            CheckPieces(rest, whole, length);
            if (whole != Framing.Complete) return;

            FuzzException.Unless(length >= StunHeader.Length && length <= Math.Min(rest.Length, StunFraming.MaxMessageLength), "A message that is not there.");
            FuzzException.Unless(StunHeader.TryRead(rest[..length], out StunHeader header) && StunHeader.Length + header.BodyLength == length, "A frame that is no message.");
            rest = rest[length..];
        }
    }

    /// <summary>Less of it is incomplete, or says the same already; never anything else.</summary>
    private static void CheckPieces(ReadOnlySpan<byte> rest, Framing whole, int length)
    {
        for (int i = 0; i < Math.Min(rest.Length, StunHeader.Length + 4); i++)
        {
            Framing piece = StunFraming.Read(rest[..i], out int pieceLength);
            FuzzException.Unless(piece == Framing.Incomplete || (piece == whole && pieceLength == length), "A piece that says something else than the whole.");
        }
    }
}
