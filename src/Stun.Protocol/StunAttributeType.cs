namespace Stun.Protocol;

/// <summary>The attributes we know of (RFC 8489 §14, RFC 5780 §7, RFC 3489 §11.2). Below 0x8000 a receiver must understand them; from there on it may pass over them.</summary>
public enum StunAttributeType : ushort
{
    /// <summary>The client's address as the server sees it, in the clear (§14.1).</summary>
    MappedAddress = 0x0001,

    /// <summary>Where the answer should go, in classic STUN (RFC 3489 §11.2.2). Withdrawn, because it made a reflector of the server.</summary>
    ResponseAddress = 0x0002,

    /// <summary>From which address and port the answer should come (RFC 5780 §7.2).</summary>
    ChangeRequest = 0x0003,

    /// <summary>Where the answer comes from, in classic STUN (RFC 3489 §11.2.5).</summary>
    SourceAddress = 0x0004,

    /// <summary>The server's other address and port, in classic STUN (RFC 3489 §11.2.3).</summary>
    ChangedAddress = 0x0005,

    /// <summary>Who asks, where credentials are used (§14.3).</summary>
    Username = 0x0006,

    /// <summary>A password in the clear, in classic STUN (RFC 3489 §11.2.7). Withdrawn.</summary>
    Password = 0x0007,

    /// <summary>HMAC-SHA1 over what precedes it (§14.5).</summary>
    MessageIntegrity = 0x0008,

    /// <summary>Why a request was refused (§14.8).</summary>
    ErrorCode = 0x0009,

    /// <summary>Which attributes were not understood (§14.13).</summary>
    UnknownAttributes = 0x000a,

    /// <summary>On whose behalf an answer goes elsewhere, in classic STUN (RFC 3489 §11.2.11). Withdrawn.</summary>
    ReflectedFrom = 0x000b,

    /// <summary>The realm of the credentials (§14.9).</summary>
    Realm = 0x0014,

    /// <summary>The server's nonce, where credentials are used (§14.10).</summary>
    Nonce = 0x0015,

    /// <summary>HMAC-SHA256 over what precedes it (§14.6).</summary>
    MessageIntegritySha256 = 0x001c,

    /// <summary>How the password was hashed (§14.12).</summary>
    PasswordAlgorithm = 0x001d,

    /// <summary>Who asks, hashed (§14.4).</summary>
    UserHash = 0x001e,

    /// <summary>The client's address as the server sees it, XORed so that no gateway rewrites it (§14.2).</summary>
    XorMappedAddress = 0x0020,

    /// <summary>Bytes without meaning, that make a datagram long enough to be fragmented (RFC 5780 §7.6).</summary>
    Padding = 0x0026,

    /// <summary>To which port of the source the answer should go (RFC 5780 §7.5).</summary>
    ResponsePort = 0x0027,

    /// <summary>The ways to hash a password that a server offers (§14.11).</summary>
    PasswordAlgorithms = 0x8002,

    /// <summary>The domain of the server that ALTERNATE-SERVER names (§14.16).</summary>
    AlternateDomain = 0x8003,

    /// <summary>XOR-MAPPED-ADDRESS as drafts before RFC 5389 numbered it; some servers still send it.</summary>
    XorMappedAddressOfDrafts = 0x8020,

    /// <summary>A description of the software that sends (§14.14).</summary>
    Software = 0x8022,

    /// <summary>Another server to ask instead (§14.15).</summary>
    AlternateServer = 0x8023,

    /// <summary>CRC-32 over what precedes it; always the last attribute (§14.7).</summary>
    Fingerprint = 0x8028,

    /// <summary>Where the answer comes from (RFC 5780 §7.3).</summary>
    ResponseOrigin = 0x802b,

    /// <summary>The server's other address and port, from which CHANGE-REQUEST lets it answer (RFC 5780 §7.4).</summary>
    OtherAddress = 0x802c,
}

/// <summary>Questions about an attribute type.</summary>
public static class StunAttributeTypes
{
    private const int FirstOptional = 0x8000;

    /// <summary>Says whether a receiver that does not know the attribute must refuse the request (RFC 8489 §14).</summary>
    public static bool IsComprehensionRequired(this StunAttributeType type) => (int)type < FirstOptional;
}
