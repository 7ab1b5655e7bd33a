using Addresses;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Netcheck;

/// <summary>Where one STUN server has seen one of our sockets.</summary>
internal readonly record struct Sighting(TransportAddress Server, TransportAddress Mapped);

/// <summary>An address at which we were seen (RFC 8445, "server-reflexive").</summary>
/// <param name="Address">The address.</param>
/// <param name="IsConfirmed">False where it is one server's word against that of others: it may lie, or every destination sees another port.</param>
internal readonly record struct ReflexiveAddress(TransportAddress Address, bool IsConfirmed);

/// <summary>
/// What several servers' words say together. Any of them may lie or be broken: one never outvotes two, and a host counts once, however
/// many ports it answers from.
/// </summary>
internal static class Sightings
{
    /// <summary>The addresses of one family, those that most servers report first.</summary>
    /// <param name="sightings">What they report.</param>
    /// <param name="own">Addresses of this machine: whoever is seen as such is seen rightly.</param>
    public static IEnumerable<ReflexiveAddress> Rank(IReadOnlyCollection<Sighting> sightings, IReadOnlySet<TransportAddress> own)
    {
        int hosts = HostsOf(sightings);
        return sightings.GroupBy(sighting => sighting.Mapped)
            .Select(group => (Address: group.Key, Hosts: HostsOf(group)))
            .Select(seen => (Reflexive: new ReflexiveAddress(seen.Address, hosts == 1 || seen.Hosts > 1 || own.Contains(seen.Address)), seen.Hosts))
            .OrderByDescending(seen => seen.Reflexive.IsConfirmed).ThenByDescending(seen => seen.Hosts)
            .Select(seen => seen.Reflexive);
    }

    /// <summary>Compares what servers have seen of one family within a short time; unknown where fewer than two have answered.</summary>
    public static NatMapping MappingOf(IReadOnlyCollection<Sighting> sightings, IReadOnlySet<TransportAddress> own)
    {
        if (sightings.Count == 0) return NatMapping.Unknown;
        if (sightings.All(sighting => own.Contains(sighting.Mapped))) return NatMapping.EndpointIndependent; // No NAT, and one server is enough to say so.

        sightings = Beyond(sightings, own);
        int hosts = HostsOf(sightings);
        if (hosts < 2) return NatMapping.Unknown;

        // Ports that differ by destination hardly ever agree by chance: where most do, who does not lies or has seen an older mapping.
        int most = sightings.GroupBy(sighting => sighting.Mapped).Max(HostsOf);
        return most > 1 && most * 2 > hosts ? NatMapping.EndpointIndependent : NatMapping.EndpointDependent;
    }

    /// <summary>Leaves out who sees us at a private address of this machine: it stands on our side of the NAT and says nothing of it. Where all do, all are left.</summary>
    public static Sighting[] Beyond(IReadOnlyCollection<Sighting> sightings, IReadOnlySet<TransportAddress> own)
    {
        Sighting[] beyond = [.. sightings.Where(sighting => !IsInside(sighting.Mapped, own))];
        return beyond.Length > 0 ? beyond : [.. sightings];
    }

    /// <summary>Says whether whoever sees us there stands on our side of the NAT.</summary>
    public static bool IsInside(TransportAddress mapped, IReadOnlySet<TransportAddress> own) => own.Contains(mapped) && AddressScopes.ScopeOf(mapped) == AddressScope.Private;

    /// <summary>The public address of one family, with port 0: the one that most servers report. Not valid where none does, or two are reported as often.</summary>
    public static TransportAddress PublicAddressOf(IReadOnlyCollection<Sighting> sightings)
    {
        (TransportAddress Address, int Hosts)[] seen =
            [.. sightings.GroupBy(sighting => sighting.Mapped.WithPort(0)).Select(group => (Address: group.Key, Hosts: HostsOf(group))).OrderByDescending(group => group.Hosts)];
        bool isClear = seen.Length > 0 && (seen.Length == 1 || seen[0].Hosts > seen[1].Hosts);
        return isClear ? seen[0].Address : default;
    }

    /// <summary>How many hosts have spoken.</summary>
    public static int HostsOf(IEnumerable<Sighting> sightings) => sightings.Select(sighting => sighting.Server.Bits).Distinct().Count();
}
