using Addresses;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Keeps what is known of the NATs before us, one profile a family, and asks the shell for a discovery when it is due: at the start, after a
/// change of network, and seldom otherwise. In a network that the node has been in before, what was found out then completes what is known now.
/// </summary>
internal sealed class ProfileKeeper(NodeContext context)
{
    /// <summary>The most servers that a discovery may turn to, one after the other: most have no second address to tell all by.</summary>
    public const int MaxServers = 3;

    /// <summary>NATs are reconfigured seldom, and a discovery makes dozens of mappings.</summary>
    private static readonly TimeSpan DiscoveryInterval = TimeSpan.FromHours(1);

    private readonly Family _ipv4 = new(isIpv4: true);
    private readonly Family _ipv6 = new(isIpv4: false);
    private NetworkFingerprint _network = NetworkFingerprint.None;

    /// <summary>When <see cref="Update"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => (_ipv4.Due, _ipv6.Due) switch
    {
        ({ } ipv4, { } ipv6) => Instant.Min(ipv4, ipv6),
        var (ipv4, ipv6) => ipv4 ?? ipv6,
    };

    /// <summary>Takes what a discovery has found out of the NAT for one family, in part or in whole.</summary>
    public void HandleFound(bool isIpv4, NatProfile found)
    {
        Family family = FamilyOf(isIpv4);
        if (family.IsDiscoveryWanted) return; // It is of the network before this one.
        // How long mappings last takes long to tell: until it is told anew, what was told before holds.
        family.Found = found.LifetimeSeconds != 0 ? found : found with { LifetimeSeconds = family.Found.LifetimeSeconds };
        family.IsNew = true;
    }

    /// <summary>Takes which network the node is in, and what is remembered of it.</summary>
    public void HandleKnownNetwork(KnownNetwork network)
    {
        _network = network.Name;
        _ipv4.Remembered = network.Ipv4;
        _ipv6.Remembered = network.Ipv6;
    }

    /// <summary>What was found out may not hold any more.</summary>
    public void HandleNetworkChange()
    {
        foreach (Family family in (ReadOnlySpan<Family>)[_ipv4, _ipv6])
        {
            family.Found = default;
            family.IsNew = false;
            family.Remembered = null;
            family.WantDiscovery();
        }

        _network = NetworkFingerprint.None;
    }

    /// <summary>The profile that results from what the probes see of the node's port, what was found out, and what is remembered and may still be so.</summary>
    public NatProfile ProfileOf(bool isIpv4, StunProber stun)
    {
        Family family = FamilyOf(isIpv4);
        NatProfile found = RecallOf(family, stun) is { } recalled ? NatProfiles.Complete(family.Found, recalled) : family.Found;
        return NatProfiles.Merge(LiveOf(family, stun), found);
    }

    /// <summary>Asks for a discovery of each family for which one is due, as soon as a server is known to answer.</summary>
    public void Update(StunProber stun, Instant now)
    {
        if (context.Options.AllowLoopback) return; // No NAT stands before one machine.
        UpdateFamily(_ipv4, stun, now);
        UpdateFamily(_ipv6, stun, now);
    }

    private void UpdateFamily(Family family, StunProber stun, Instant now)
    {
        if (family.IsNew && AddressOf(family, stun).IsValid) Remember(family, stun);
        if (family.Due <= now) family.WantDiscovery();
        if (!family.IsDiscoveryWanted || !stun.HasWitness(family.IsIpv4)) return;
        family.PlanDiscovery(now + DiscoveryInterval);
        context.Raise(new NodeEvent.NatDiscoveryWanted(family.IsIpv4, [.. stun.ServersByDistance(family.IsIpv4).Take(MaxServers)]));
    }

    /// <summary>
    /// Keeps what was found out here. A discovery that could tell less than one before, for want of a server that can, does not make
    /// that one look new: what it has not borne out grows old.
    /// </summary>
    private void Remember(Family family, StunProber stun)
    {
        family.IsNew = false;
        bool tellsLess = family.Found.Filtering == NatFiltering.Unknown && RecallOf(family, stun) is { Filtering: not NatFiltering.Unknown };
        if (tellsLess) return;
        RememberedNat nat = new(AddressOf(family, stun), ProfileOf(family.IsIpv4, stun));
        family.Remembered = nat;
        if (_network.IsKnown) context.Raise(new NodeEvent.NatLearnt(_network, family.IsIpv4, nat));
    }

    /// <summary>What is remembered and may still be so; null = nothing.</summary>
    private static NatProfile? RecallOf(Family family, StunProber stun) =>
        family.Remembered is { } remembered && remembered.Holds(AddressOf(family, stun), LiveOf(family, stun), family.Found) ? remembered.Profile : null;

    private static NatProfile LiveOf(Family family, StunProber stun) => family.IsIpv4 ? stun.Profile : stun.ProfileIpv6;

    private static TransportAddress AddressOf(Family family, StunProber stun) => family.IsIpv4 ? stun.PublicIpv4 : stun.PublicIpv6;

    private Family FamilyOf(bool isIpv4) => isIpv4 ? _ipv4 : _ipv6;

    private sealed class Family(bool isIpv4)
    {
        public bool IsIpv4 => isIpv4;

        /// <summary>What discoveries have found out since the node came to this network.</summary>
        public NatProfile Found { get; set; }

        /// <summary>Says that of it something was not remembered yet.</summary>
        public bool IsNew { get; set; }

        /// <summary>What was found out the last time; null = the node was not here before, or had found out nothing.</summary>
        public RememberedNat? Remembered { get; set; }

        /// <summary>Says that a discovery begins as soon as a server answers.</summary>
        public bool IsDiscoveryWanted { get; private set; } = true;

        /// <summary>When the next discovery is due; null = one is wanted now.</summary>
        public Instant? Due { get; private set; }

        public void WantDiscovery()
        {
            IsDiscoveryWanted = true;
            Due = null;
        }

        public void PlanDiscovery(Instant due)
        {
            IsDiscoveryWanted = false;
            Due = due;
        }
    }
}
