namespace Stun.Protocol;

/// <summary>
/// Why a request was refused. ERROR-CODE: zero (21 bits), class (3 bits: hundreds), number (8 bits: 0 to 99), then a reason in UTF-8
/// that we leave empty, because nobody gets more bytes from us than they need (RFC 8489 §14.8).
/// </summary>
/// <param name="Number">300 to 699.</param>
public readonly record struct StunErrorCode(int Number)
{
    /// <summary>The request is malformed.</summary>
    public static readonly StunErrorCode BadRequest = new(400);

    /// <summary>The request has attributes that must be understood and are not.</summary>
    public static readonly StunErrorCode UnknownAttribute = new(420);

    private const int ValueLength = 4;

    /// <summary>Reads a value, whatever its reason says; false when it is too short or out of range.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out StunErrorCode code)
    {
        code = default;
        if (value.Length < ValueLength) return false;

        int hundreds = value[2] & 7;
        if (hundreds is < 3 or > 6 || value[3] > 99) return false;
        code = new StunErrorCode((hundreds * 100) + value[3]);
        return true;
    }

    /// <summary>Appends ERROR-CODE to a message.</summary>
    public void AddTo(ref StunMessageWriter writer)
    {
        Span<byte> value = writer.Reserve(StunAttributeType.ErrorCode, ValueLength);
        value[2] = (byte)(Number / 100);
        value[3] = (byte)(Number % 100);
    }
}
