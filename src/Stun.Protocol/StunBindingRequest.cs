using System.Diagnostics;

namespace Stun.Protocol;

/// <summary>
/// A binding request as a node sends it: header, SOFTWARE "tailnode", FINGERPRINT. Servers of the DERP world answer this and nothing
/// else; to all others it is an ordinary request.
/// </summary>
public static class StunBindingRequest
{
    /// <summary>The length in bytes.</summary>
    public const int Length = 40;

    private static ReadOnlySpan<byte> SoftwareName => "tailnode"u8;

    /// <summary>Writes the request into the first <see cref="Length"/> bytes.</summary>
    /// <returns><see cref="Length"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer bytes.</exception>
    public static int Write(Span<byte> destination, TransactionId transactionId)
    {
        var writer = new StunMessageWriter(destination, StunMessageType.BindingRequest, transactionId);
        writer.Add(StunAttributeType.Software, SoftwareName);
        writer.AddFingerprint();
        Debug.Assert(writer.Length == Length, "The constant is what it says.");
        return writer.Length;
    }
}
