using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Relay.Protocol;

/// <summary>A node's public key (X25519, 32 bytes): what a peer is called everywhere.</summary>
public readonly record struct NodeKey
{
    /// <summary>The length of a key in bytes.</summary>
    public const int Length = 32;

    private const int ShortFormLength = 8;
    private const string TextPrefix = "nodekey:";

    private readonly UInt128 _high;
    private readonly UInt128 _low;

    /// <summary>Makes a key from its 32 bytes.</summary>
    /// <exception cref="ArgumentException"><paramref name="bytes"/> is not 32 bytes long.</exception>
    public NodeKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length) throw new ArgumentException($"A key has {Length} bytes, not {bytes.Length}.", nameof(bytes));
        _high = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        _low = BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]);
    }

    /// <summary>Says whether this is the all-zero key, which belongs to nobody.</summary>
    public bool IsZero => _high == 0 && _low == 0;

    /// <summary>Reads WireGuard's form: 44 characters of base64.</summary>
    public static bool TryParseBase64(ReadOnlySpan<char> text, out NodeKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Length + 1];
        if (text.Length != 44 || !Convert.TryFromBase64Chars(text, bytes, out int written) || written != Length) return false;
        key = new NodeKey(bytes[..Length]);
        return true;
    }

    /// <summary>Reads DERP's form: 64 hexadecimal digits.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> text, out NodeKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Length];
        if (text.Length != 2 * Length || Convert.FromHexString(text, bytes, out _, out int written) != System.Buffers.OperationStatus.Done || written != Length) return false;
        key = new NodeKey(bytes);
        return true;
    }

    /// <summary>Reads any form in which keys are written down: WireGuard's, DERP's, or DERP's with <c>nodekey:</c> before it. Not the zero key.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out NodeKey key)
    {
        if (text.StartsWith(TextPrefix, StringComparison.Ordinal)) text = text[TextPrefix.Length..];
        return (TryParseHex(text, out key) || TryParseBase64(text, out key)) && !key.IsZero;
    }

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128BigEndian(destination, _high);
        BinaryPrimitives.WriteUInt128BigEndian(destination[16..], _low);
    }

    /// <summary>WireGuard's form: base64.</summary>
    public string ToBase64()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Convert.ToBase64String(bytes);
    }

    /// <summary>DERP's form: 64 lower-case hexadecimal digits.</summary>
    public string ToHex()
    {
        Span<byte> bytes = stackalloc byte[Length];
        CopyTo(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>DERP's form in JSON: <c>nodekey:</c> and 64 lower-case hexadecimal digits.</summary>
    public string ToText() => TextPrefix + ToHex();

    /// <summary>The short form for logs: the first characters of the base64 form.</summary>
    public override string ToString() => ToBase64()[..ShortFormLength];
}

/// <summary>A disco public key (X25519, 32 bytes): made anew at each start of a node, it seals what nodes say to each other.</summary>
/// <param name="Value">The key itself. A type of its own keeps it from being taken for a node's name.</param>
public readonly record struct DiscoKey(NodeKey Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"disco:{Value}";
}
