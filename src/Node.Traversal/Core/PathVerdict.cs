using Relay.Protocol.Disco;

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

    /// <summary>Both NATs could be passed, yet no check is answered: a firewall between drops them, or both are behind one NAT that turns no packet back.</summary>
    ChecksUnanswered,

    /// <summary>One end has IPv4 addresses only, and the other IPv6 addresses only.</summary>
    NoCommonFamily = 20,

    /// <summary>Checks are answered on a direct path, and the peer does not receive the data sent on it: something between drops WireGuard's packets.</summary>
    DataNotPassing = 30,
}

/// <summary>How far a pair has come before it failed.</summary>
public enum VerdictStage
{
    /// <summary>A relay by which the peer is found.</summary>
    Relay,

    /// <summary>The greeting by which both know each other.</summary>
    Greeting,

    /// <summary>UDP, out and back, at either end.</summary>
    Udp,

    /// <summary>What each end's NAT does.</summary>
    Nat,

    /// <summary>Connectivity checks on the addresses known.</summary>
    Checks,

    /// <summary>Making a hole where checks alone cannot.</summary>
    Punching,
}

/// <summary>What would make a pair direct.</summary>
public enum VerdictRemedy
{
    /// <summary>Nothing but time.</summary>
    None,

    /// <summary>A relay of the map that can be reached from here.</summary>
    ReachRelay,

    /// <summary>A node that runs at the peer's end, with a map that has a region in common.</summary>
    StartPeer,

    /// <summary>This node's public key in the peer's configuration.</summary>
    AddKeyThere,

    /// <summary>UDP let out at this end.</summary>
    AllowUdpHere,

    /// <summary>UDP let out at the peer's end.</summary>
    AllowUdpThere,

    /// <summary>STUN on two addresses, in the map of this node.</summary>
    AddStunHere,

    /// <summary>STUN on two addresses, in the map of the peer.</summary>
    AddStunThere,

    /// <summary>A UDP port open at this end, by hand or by a router that maps ports.</summary>
    OpenPortHere,

    /// <summary>A UDP port open at the peer's end, by hand or by a router that maps ports.</summary>
    OpenPortThere,

    /// <summary>A UDP port open at either end.</summary>
    OpenPortEither,

    /// <summary>IPv6, or an address of its own from the provider, at either end: no router of theirs can open a port of the provider's NAT, and one that both share may turn no packet back.</summary>
    GetPublicAddress,

    /// <summary>A web page opened at this end, and whatever the captive portal there asks for.</summary>
    PassPortal,

    /// <summary>An address of the other family at either end.</summary>
    AddFamily,

    /// <summary>Nothing between the ends that tells data from checks and drops it.</summary>
    AllowData,
}

/// <summary>Ways to a direct path.</summary>
[Flags]
public enum PathMethods
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>An address of the peer's own interfaces, in private ranges: one LAN.</summary>
    Lan = 1,

    /// <summary>IPv6.</summary>
    Ipv6 = 2,

    /// <summary>A port that a gateway opens to everybody, at either end, or one given by a user.</summary>
    OpenPort = 4,

    /// <summary>Both send to where the other is seen.</summary>
    SimultaneousOpen = 8,

    /// <summary>The public address with the local port.</summary>
    LocalPort = 16,

    /// <summary>Both send from new local ports, because something on the way has spoilt the ones before.</summary>
    FreshPorts = 32,

    /// <summary>Many ports of one end are met by many guesses of the other.</summary>
    Birthday = 64,

    /// <summary>Ports that are given in sequence are predicted, at one end or both.</summary>
    Prediction = 128,

    /// <summary>Both guess within the small blocks of ports that their NATs keep to.</summary>
    SmallBlocks = 256,
}

/// <summary>Why a pair is not direct: for programs, and in a sentence for people.</summary>
/// <param name="Code">The reason.</param>
/// <param name="Text">One sentence, without a full stop.</param>
public readonly record struct PathVerdict(VerdictCode Code, string Text)
{
    /// <summary>Where it failed, or is.</summary>
    public VerdictStage Stage { get; init; }

    /// <summary>What would help.</summary>
    public VerdictRemedy Remedy { get; init; }

    /// <summary>What would help, in words; null where there is nothing to do.</summary>
    public string? RemedyText { get; init; }

    /// <summary>What was tried.</summary>
    public PathMethods Tried { get; init; }

    /// <summary>What is known of the NAT at this end, for IPv4, or for IPv6 where there is no IPv4.</summary>
    public NatProfile Here { get; init; }

    /// <summary>What the peer has told of its NAT; nothing before its greeting has come.</summary>
    public NatProfile There { get; init; }

    /// <summary>
    /// The chance that was given to making a hole, 0 to 1, where nothing is lost: to the attempt that failed or goes on, or to the one that could be made.
    /// 1 = it should succeed. Null where it does not come to that, or cannot be said. It is reckoned from the ports that the outermost NAT gives, as
    /// nobody can see how many an inner one does: where an end is hard and <see cref="NatProfile.IsNested"/>, it is the most that it can be.
    /// </summary>
    public double? Probability { get; init; }

    /// <summary>Why no attempt at making a hole was made, in a phrase; null where one was, or may yet be.</summary>
    public string? NotAttempted { get; init; }
}
