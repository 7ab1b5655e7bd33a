using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core;

/// <summary>Makes the list of addresses that a node tells its peers: where it may be reached, best first.</summary>
internal static class CandidateList
{
    /// <summary>Server-reflexive addresses told: a NAT that shows more has none that would help.</summary>
    private const int MaxReflexive = 6;

    /// <summary>
    /// Interfaces' own addresses told at least, however many there are of other kinds: the first are those of the network the node is in. Beyond
    /// that they have what the others leave, so that none of those is lost to a machine with many interfaces.
    /// </summary>
    private const int LeastHosts = 8;

    /// <summary>
    /// The whole list: what a gateway maps and what the user says first, for there anybody is let in; then server-reflexive addresses, the
    /// interfaces' own, and last what is hardly likely.
    /// </summary>
    /// <param name="context">The node.</param>
    /// <param name="local">The addresses of its interfaces, the most useful first (<see cref="LocalAddresses.InOrder"/>).</param>
    /// <param name="reflexive">How STUN servers see it, those that several agree on first.</param>
    /// <param name="portMapped">Where gateways let the world in.</param>
    public static Candidate[] Make(
        NodeContext context, IReadOnlyList<TransportAddress> local, IReadOnlyList<ReflexiveAddress> reflexive, IEnumerable<TransportAddress> portMapped)
    {
        TransportAddress[] own = [.. local.Select(address => address.WithPort(context.Options.UdpPort)).Where(address => IsOurs(context, address)).Distinct()];
        context.LocalCandidates = own.ToHashSet();

        List<Candidate> first = [.. portMapped.Select(address => new Candidate(address, CandidateKind.PortMapped))];
        first.AddRange(context.Options.AdvertisedAddresses.Select(address => new Candidate(address, CandidateKind.Configured)));
        first.AddRange(reflexive.Take(MaxReflexive).Where(seen => seen.IsConfirmed).Select(seen => new Candidate(seen.Address, KindOf(context, seen.Address))));
        List<Candidate> last = [.. LocalPorts(context, reflexive)];
        last.AddRange(reflexive.Take(MaxReflexive).Where(seen => !seen.IsConfirmed).Select(seen => new Candidate(seen.Address, CandidateKind.ServerReflexive) { IsUnconfirmed = true }));

        int room = Math.Max(LeastHosts, AnnouncedCandidates.MaxCandidates - first.Count - last.Count);
        IEnumerable<Candidate> hosts = own.Take(room).Select(address => new Candidate(address, CandidateKind.Host));
        return [.. first.Concat(hosts).Concat(last).Where(candidate => context.Filter.IsAllowed(candidate.Address)).DistinctBy(candidate => candidate.Address).Take(AnnouncedCandidates.MaxCandidates)];
    }

    /// <summary>Behind a NAT that gives every destination another port, somebody may have forwarded our own: then it lets in anybody.</summary>
    private static IEnumerable<Candidate> LocalPorts(NodeContext context, IReadOnlyList<ReflexiveAddress> reflexive) =>
        !context.Nat.IsHard ? [] : reflexive.Where(seen => seen.Address.IsIpv4).Select(seen => seen.Address.WithPort(context.Options.UdpPort)).Distinct()
            .Take(MaxReflexive).Select(address => new Candidate(address, CandidateKind.LocalPort));

    /// <summary>Seen as what we are, it is an interface's address.</summary>
    private static CandidateKind KindOf(NodeContext context, TransportAddress seen) =>
        context.LocalCandidates.Contains(seen) ? CandidateKind.Host : CandidateKind.ServerReflexive;

    private static bool IsOurs(NodeContext context, TransportAddress address) =>
        context.Filter.IsAllowed(address) && (address.IsIpv4 ? context.Options.HasIpv4 : context.Options.HasIpv6);
}
