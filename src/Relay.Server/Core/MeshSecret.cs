using System.Security.Cryptography;

namespace Relay.Server.Core;

/// <summary>What the relays of a region know and nobody else does: who shows it may watch, forward and close. It has no text form.</summary>
internal sealed class MeshSecret
{
    /// <summary>Its length in bytes; twice that in hexadecimal digits.</summary>
    public const int Length = 32;

    private readonly byte[] _secret;

    private MeshSecret(byte[] secret) => _secret = secret;

    /// <summary>Reads 64 hexadecimal digits; white space around them does not count. Zero alone is no secret.</summary>
    public static bool TryParse(string text, out MeshSecret? secret)
    {
        byte[] bytes = new byte[Length];
        string digits = text.Trim();
        bool isWhole = digits.Length == 2 * Length && Convert.FromHexString(digits, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == Length;
        secret = isWhole && bytes.AsSpan().IndexOfAnyExcept((byte)0) >= 0 ? new MeshSecret(bytes) : null;
        return secret is not null;
    }

    /// <summary>Says whether <paramref name="shown"/> is this secret, in a time that does not depend on how much of it is right.</summary>
    public bool Matches(string? shown)
    {
        Span<byte> bytes = stackalloc byte[Length];
        return shown is { Length: 2 * Length }
            && Convert.FromHexString(shown, bytes, out _, out int written) == System.Buffers.OperationStatus.Done && written == Length
            && CryptographicOperations.FixedTimeEquals(bytes, _secret);
    }

    /// <summary>The form a login carries it in.</summary>
    public string ToMeshKey() => Convert.ToHexStringLower(_secret);

    public override string ToString() => "a secret";
}
