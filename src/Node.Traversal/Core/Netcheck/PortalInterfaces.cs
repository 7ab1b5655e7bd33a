namespace Node.Traversal.Core.Netcheck;

/// <summary>Which interfaces a captive portal may stand behind.</summary>
internal static class PortalInterfaces
{
    /// <summary>Tunnels, containers and virtual machines: behind these, nobody wants a password of a hotel's guest.</summary>
    private static readonly string[] VirtualPrefixes = ["tailscale", "tun", "tap", "docker", "kube", "wg", "ipsec", "veth", "br-", "virbr", "cni", "utun", "zt"];

    /// <summary>Says whether the interface of that name is worth asking by.</summary>
    public static bool IsWorthAsking(string name) => !VirtualPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));
}
