namespace Node.Traversal;

/// <summary>How packets to a peer travel.</summary>
public enum PathKind
{
    /// <summary>Not at all at present: no direct path, and no relay is connected. Packets are held for a moment.</summary>
    None,

    /// <summary>Through a relay.</summary>
    Relay,

    /// <summary>Straight to the peer.</summary>
    Direct,
}
