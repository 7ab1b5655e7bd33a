using Addresses;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// What is known of the network this node is in, put together from those who know a part of it: the interfaces, STUN, the discovery, the gateway.
/// From it come the candidates and the NAT profiles; peers hear of what is new.
/// </summary>
internal sealed class OwnNetwork(NodeContext context, StunProber stun, ProfileKeeper profiles, PeerTable peers)
{
    private readonly AnnouncedLatencies _latencies = new(context, stun.Latencies);
    private IReadOnlyList<TransportAddress> _localAddresses = [];
    private IReadOnlyList<IpPrefix> _otherTunnelRanges = [];
    private PortMappingStatus _portMapping = PortMappingStatus.Off;

    /// <summary>Says that the machine's addresses were told before, if only that there are none.</summary>
    public bool HasAddresses { get; private set; }

    /// <summary>Takes the addresses of the machine's interfaces, the most useful first.</summary>
    /// <returns>False where they are what they were, if in another order.</returns>
    public bool TakeLocalAddresses(IReadOnlyList<TransportAddress> addresses)
    {
        bool isSame = _localAddresses.Select(address => address.Bits).ToHashSet().SetEquals(addresses.Select(address => address.Bits));
        _localAddresses = [.. addresses];
        if (isSame) return false;

        HasAddresses = true;
        context.Filter.SetLocalAddresses(addresses);
        return true;
    }

    /// <summary>Takes the ranges that lead into the tunnel besides those of the peers.</summary>
    public void TakeTunnelRanges(IReadOnlyList<IpPrefix> ranges, Instant now)
    {
        _otherTunnelRanges = ranges;
        UpdateTunnelRanges(now);
    }

    /// <summary>Takes what the gateway offers.</summary>
    public void TakePortMapping(PortMappingStatus status, Instant now)
    {
        _portMapping = status;
        Update(now);
    }

    /// <summary>A peer has come or gone, and its ranges with it, or has others.</summary>
    public void UpdateTunnelRanges(Instant now)
    {
        context.Filter.SetTunnelRanges(peers.All.SelectMany(peer => peer.TunnelRanges).Concat(_otherTunnelRanges));
        Update(now);
    }

    /// <summary>Our addresses, or what we know of our NAT, may have changed: peers hear of it.</summary>
    public void Update(Instant now)
    {
        bool isProfileNew = UpdateProfiles();
        Candidate[] candidates = CandidateList.Make(context, _localAddresses, stun.Reflexive, _portMapping.AllMapped);
        bool isListNew = !candidates.ToHashSet().SetEquals(context.Candidates);
        context.Candidates = candidates;
        foreach (PeerSession peer in peers.All)
        {
            if (isProfileNew) peer.JudgeNats();
            if (isProfileNew) peer.Punch.HandleProfile(now);
            if (isProfileNew && peer.DiscoKey is not null) peer.Hellos.Plan(now);
            if (isListNew) peer.PlanCallMeMaybe(now);
        }
    }

    /// <summary>The relays may be as far away as never before, or others of use: peers hear of it, but for those that need no relay.</summary>
    public void UpdateLatencies(Instant now)
    {
        if (!_latencies.Update(now)) return;
        foreach (PeerSession peer in peers.All)
        {
            if (peer.DiscoKey is not null && peer.Path.Kind != PathKind.Direct) peer.Hellos.Plan(now);
        }
    }

    /// <summary>Home is elsewhere from now on: every peer hears of it.</summary>
    public void MoveHome(int home, Instant now)
    {
        bool isMove = context.Moves.IsLeaving(context.HomeRegion);
        context.HomeRegion = home;
        context.HaveRoutesChanged = true;
        context.Raise(new NodeEvent.HomeSelected(home));
        foreach (PeerSession peer in peers.All)
        {
            if (isMove && peer.IsConfirmed) peer.Hellos.Ask(now); // Until it answers: it must know before the old relay is left.
            else if (peer.DiscoKey is not null) peer.Hellos.Plan(now);
        }
    }

    private bool UpdateProfiles()
    {
        TransportAddress[] seen = [.. stun.Reflexive.Select(seen => seen.Address)];
        NatProfile ipv6 = profiles.ProfileOf(isIpv4: false, stun);
        NatProfile ipv4 = NatProfiles.WithGateway(profiles.ProfileOf(isIpv4: true, stun), _portMapping, seen);
        NatProfile nat = ipv4.Mapping == NatMapping.Unknown && !stun.HasAnswer(isIpv4: true) ? ipv6 with { Udp = ipv4.Udp } : ipv4;
        bool isNew = nat != context.Nat || ipv6 != context.NatIpv6;
        context.Mapped = seen;
        context.Nat = nat;
        context.NatIpv6 = ipv6;
        return isNew;
    }
}
