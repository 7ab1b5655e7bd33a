using Addresses;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core;

/// <summary>Makes the list of addresses that a node tells its peers: where it may be reached, best first.</summary>
internal static class CandidateList
{
    /// <summary>Server-reflexive addresses told: a NAT that shows more has none that would help.</summary>
    private const int MaxMapped = 6;

    /// <summary>The whole list: ports mapped and pinholes made by gateways first, for they let in anybody, then server-reflexive addresses, then the interfaces' own.</summary>
    public static TransportAddress[] Make(NodeContext context, IReadOnlyList<TransportAddress> local, IReadOnlyList<TransportAddress> mapped, IEnumerable<TransportAddress> portMapped)
    {
        TransportAddress[] own = [.. local.Select(address => address.WithPort(context.Options.UdpPort)).Where(address => IsOurs(context, address)).Distinct()];
        context.LocalCandidates = own.ToHashSet();
        return [.. portMapped.Where(context.Filter.IsAllowed).Concat(mapped.Where(context.Filter.IsAllowed).Take(MaxMapped)).Concat(own).Distinct().Take(CallMeMaybe.MaxAddresses)];
    }

    private static bool IsOurs(NodeContext context, TransportAddress address) =>
        context.Filter.IsAllowed(address) && (address.IsIpv4 ? context.Options.HasIpv4 : context.Options.HasIpv6);
}
