namespace Node.Traversal.Io;

/// <summary>By whom a control packet came, as far as its outside tells: each has room of its own in the loop.</summary>
internal enum PacketOrigin
{
    /// <summary>By UDP from an address that no peer has proven: a peer on its way here, a STUN server, or anybody.</summary>
    Stranger,

    /// <summary>By UDP from an address that is a peer's by a sealed message from there; or by one that forges it, for which it must be known.</summary>
    ProvenAddress,

    /// <summary>By a relay.</summary>
    Relay,

    /// <summary>Not at all: it is one of our own, which the system would not send.</summary>
    Own,
}
