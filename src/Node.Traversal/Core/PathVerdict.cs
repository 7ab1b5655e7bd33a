namespace Node.Traversal;

/// <summary>Why a pair is not direct.</summary>
public enum VerdictCode
{
    /// <summary>Addresses are still being tried.</summary>
    Checking,

    /// <summary>No relay can be reached from here, and there is no direct path.</summary>
    RelayUnreachable,

    /// <summary>The relay says that the peer is not connected.</summary>
    PeerOffline,

    /// <summary>The peer seems to be there but does not answer; our key may be missing from its configuration.</summary>
    PeerSilent,

    /// <summary>No UDP gets through at this end.</summary>
    UdpBlockedHere,

    /// <summary>No UDP gets through at the peer's end.</summary>
    UdpBlockedThere,

    /// <summary>Both NATs give each destination another port.</summary>
    HardBoth,

    /// <summary>Our NAT gives each destination another port, and the peer's lets in only the ports it has sent to.</summary>
    HardHere,

    /// <summary>The peer's NAT gives each destination another port, and ours lets in only the ports it has sent to.</summary>
    HardThere,

    /// <summary>How the NAT here or there maps ports is not known: it takes two STUN servers to tell.</summary>
    MappingUnknown,

    /// <summary>Both NATs could be passed, yet no check is answered: a firewall between drops them.</summary>
    ChecksUnanswered,

    /// <summary>Checks are answered on a direct path, and the peer does not receive the data sent on it: something between drops WireGuard's packets.</summary>
    DataNotPassing = 30,
}

/// <summary>Why a pair is not direct, in a code for programs and a sentence for people.</summary>
/// <param name="Code">The reason.</param>
/// <param name="Text">One sentence.</param>
public readonly record struct PathVerdict(VerdictCode Code, string Text);
