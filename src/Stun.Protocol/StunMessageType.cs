namespace Stun.Protocol;

/// <summary>
/// What a message is: 12 bits of method with 2 bits of class between them (RFC 8489 §5).
/// <code>
///  13 12 11 10  9  8  7  6  5  4  3  2  1  0
/// |M |M |M |M |M |C1|M |M |M |C0|M |M |M |M |
/// </code>
/// </summary>
public enum StunMessageType : ushort
{
    /// <summary>Method Binding, class request: "where do you see me?"</summary>
    BindingRequest = 0x0001,

    /// <summary>Method Binding, class indication: no answer is wanted.</summary>
    BindingIndication = 0x0011,

    /// <summary>Method Binding, class success response.</summary>
    BindingSuccess = 0x0101,

    /// <summary>Method Binding, class error response.</summary>
    BindingError = 0x0111,
}

/// <summary>The class of a message (RFC 8489 §5).</summary>
public enum StunMessageClass : byte
{
    /// <summary>Wants an answer.</summary>
    Request = 0,

    /// <summary>Wants none.</summary>
    Indication = 1,

    /// <summary>The answer to a request that went well.</summary>
    Success = 2,

    /// <summary>The answer to a request that did not.</summary>
    Error = 3,
}

/// <summary>Takes a message type apart.</summary>
public static class StunMessageTypes
{
    /// <summary>The class, from the bits C1 and C0.</summary>
    public static StunMessageClass Class(this StunMessageType type) => (StunMessageClass)((((int)type >> 7) & 2) | (((int)type >> 4) & 1));

    /// <summary>The type's method as that method's request.</summary>
    public static StunMessageType AsRequest(this StunMessageType type) => (StunMessageType)((int)type & ~0x0110);
}
