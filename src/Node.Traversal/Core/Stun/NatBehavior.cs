using Addresses;

namespace Node.Traversal;

/// <summary>Which public address and port a NAT gives to one local address and port (RFC 4787 §4.1).</summary>
public enum MappingBehavior
{
    /// <summary>Could not be told; a <see cref="NatNote"/> says why.</summary>
    Unknown,

    /// <summary>One, whatever the destination.</summary>
    EndpointIndependent,

    /// <summary>Another for another destination address.</summary>
    AddressDependent,

    /// <summary>Another for another destination address or port.</summary>
    AddressAndPortDependent,
}

/// <summary>Whose packets a NAT or a firewall lets in (RFC 4787 §5).</summary>
public enum FilteringBehavior
{
    /// <summary>Could not be told; a <see cref="NatNote"/> says why.</summary>
    Unknown,

    /// <summary>Anybody's.</summary>
    EndpointIndependent,

    /// <summary>Those of addresses that were sent to.</summary>
    AddressDependent,

    /// <summary>Those of addresses and ports that were sent to.</summary>
    AddressAndPortDependent,
}

/// <summary>What stands between this machine and the server.</summary>
public enum NatPresence
{
    /// <summary>Nobody answered, so nothing is known.</summary>
    Unknown,

    /// <summary>Nothing: the server sees the local address, and anybody's packets come in.</summary>
    None,

    /// <summary>No NAT, but something that keeps out what was not asked for.</summary>
    FirewallOnly,

    /// <summary>No NAT: the server sees the local address. Whether a firewall stands there could not be told.</summary>
    NoneOrFirewall,

    /// <summary>At least one NAT: the server sees another address than the local one.</summary>
    Nat,
}

/// <summary>How a NAT chooses the public port of a new mapping (RFC 4787 §4.2).</summary>
public enum PortAllocationPattern
{
    /// <summary>Could not be told; a <see cref="NatNote"/> says why.</summary>
    Unknown,

    /// <summary>The local port, where it is free (port preservation).</summary>
    Preserving,

    /// <summary>The next one, or the one a step further.</summary>
    Sequential,

    /// <summary>Any.</summary>
    Random,
}

/// <summary>How public ports are chosen, and from which range.</summary>
/// <param name="Pattern">The rule.</param>
/// <param name="Step">From one mapping to the next, negative where the ports fall; only for a sequential pattern, else 0.</param>
/// <param name="Lowest">The lowest public port seen.</param>
/// <param name="Highest">The highest public port seen.</param>
/// <param name="IsConfined">Says that the ports seen lie closer together than chance allows: the NAT keeps this machine to a block.</param>
public readonly record struct PortAllocation(PortAllocationPattern Pattern, int Step, ushort Lowest, ushort Highest, bool IsConfined);

/// <summary>What a note is about.</summary>
public enum NatAspect
{
    /// <summary>Whether and whence the server answers.</summary>
    Server,

    /// <summary>How addresses and ports are mapped.</summary>
    Mapping,

    /// <summary>What is let in.</summary>
    Filtering,

    /// <summary>How ports are chosen.</summary>
    PortAllocation,

    /// <summary>Whether hosts behind the NAT reach each other by their public addresses.</summary>
    Hairpinning,
}

/// <summary>What could not be told, or only with a doubt, and why: one sentence for a person.</summary>
/// <param name="Aspect">What it is about.</param>
/// <param name="Text">The sentence, without a full stop.</param>
public sealed record NatNote(NatAspect Aspect, string Text);

/// <summary>What a STUN server shows of the network this machine is in, in RFC 4787's words.</summary>
public sealed record NatBehavior
{
    /// <summary>The server that answered; not valid = none did.</summary>
    public TransportAddress Server { get; init; }

    /// <summary>The local address of the socket that asked first.</summary>
    public TransportAddress Local { get; init; }

    /// <summary>The address the server saw that socket at; not valid = no answer.</summary>
    public TransportAddress Mapped { get; init; }

    /// <summary>The shortest time from a request to its answer; null where none was answered at the first try.</summary>
    public TimeSpan? Rtt { get; init; }

    /// <summary>What stands between.</summary>
    public NatPresence Presence { get; init; }

    /// <summary>How addresses and ports are mapped. Endpoint-independent where there is no NAT.</summary>
    public MappingBehavior Mapping { get; init; }

    /// <summary>What is let in.</summary>
    public FilteringBehavior Filtering { get; init; }

    /// <summary>How public ports are chosen. Preserving where there is no NAT.</summary>
    public PortAllocation PortAllocation { get; init; }

    /// <summary>Whether two sockets here reach each other by their public addresses; null = there is no NAT, or it could not be told.</summary>
    public bool? Hairpinning { get; init; }

    /// <summary>The public addresses seen, without ports, most only one. Several: the NAT shares out a pool.</summary>
    public IReadOnlyList<TransportAddress> PublicAddresses { get; init; } = [];

    /// <summary>The server's other address, with which mapping and filtering are told; not valid = it offers none.</summary>
    public TransportAddress OtherAddress { get; init; }

    /// <summary>The server's description of itself; null = none.</summary>
    public string? Software { get; init; }

    /// <summary>What could not be told, and why.</summary>
    public IReadOnlyList<NatNote> Notes { get; init; } = [];

    /// <summary>Says that no server answered, and at least one's machine reported that nobody listens there (ICMP port unreachable).</summary>
    public bool IsPortUnreachable { get; init; }

    /// <summary>How many requests were sent, those that were sent again among them.</summary>
    public int RequestsSent { get; init; }

    /// <summary>How many were sent again, because no answer had come.</summary>
    public int RequestsSentAgain { get; init; }

    /// <summary>How many datagrams came and did not count: late, doubled, forged, damaged, or from an address that was not asked.</summary>
    public int DatagramsIgnored { get; init; }

    /// <summary>Says whether the server answered.</summary>
    public bool IsAnswered => Mapped.IsValid;
}
