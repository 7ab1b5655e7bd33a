using Addresses;

namespace Node.Traversal.Core;

/// <summary>An address of this machine.</summary>
/// <param name="Interface">The name of the interface that has it.</param>
/// <param name="Address">The address, without a port.</param>
internal readonly record struct LocalAddress(string Interface, TransportAddress Address);

/// <summary>
/// Puts this machine's addresses in the order of their use to peers, for they are told only so many: a machine with dozens of container bridges has
/// one or two addresses at which anybody else meets it. First those of the interfaces by which it reaches the world, then those of other networks,
/// last those of what runs inside the machine, or leads through something else that carries packets.
/// </summary>
internal static class LocalAddresses
{
    /// <summary>
    /// How the interfaces of virtual machines, containers and other tunnels are called by those who make them: docker0, br-1f2e3d (a bridge that a
    /// user makes of real interfaces is mostly br0), virbr0, vnet3, veth…, cni0, vmnet8, vEthernet (WSL), tun0, utun4, wg0, tailscale0.
    /// </summary>
    private static readonly string[] InnerNames =
    [
        "docker", "br-", "virbr", "vnet", "veth", "cni", "cilium", "flannel", "cali", "podman", "lxc", "lxd", "incus", "kube", "nodelocal",
        "vmnet", "vboxnet", "VirtualBox", "VMware", "vEthernet", "bridge", "dummy", "tun", "tap", "utun", "ppp", "wg", "tailscale", "zt",
    ];

    /// <summary>The addresses, each once, the most useful first: within a rank every interface's first of each family before anybody's second.</summary>
    /// <param name="addresses">The addresses.</param>
    /// <param name="waysOut">By which of them packets to the world leave at present: one of each family at most, or none.</param>
    public static TransportAddress[] InOrder(IReadOnlyCollection<LocalAddress> addresses, params ReadOnlySpan<TransportAddress> waysOut)
    {
        HashSet<UInt128> ways = [];
        foreach (TransportAddress way in waysOut)
        {
            if (way.IsValid) ways.Add(way.Bits);
        }

        HashSet<string> outer = [.. addresses.Where(local => ways.Contains(local.Address.Bits)).Select(local => local.Interface)];
        return
        [
            .. addresses
                .GroupBy(local => (local.Interface, local.Address.IsIpv4))
                .SelectMany(family => family
                    .OrderBy(local => !ways.Contains(local.Address.Bits)).ThenBy(local => local.Address.Bits)
                    .Select((local, place) => (local.Address, Rank: RankOf(local.Interface, outer), Place: place)))
                .OrderBy(ranked => ranked.Rank).ThenBy(ranked => ranked.Place).ThenBy(ranked => ranked.Address.Bits)
                .Select(ranked => ranked.Address)
                .Distinct(),
        ];
    }

    private static int RankOf(string name, HashSet<string> outer) =>
        outer.Contains(name) ? 0 : InnerNames.Any(inner => name.StartsWith(inner, StringComparison.OrdinalIgnoreCase)) ? 2 : 1;
}
