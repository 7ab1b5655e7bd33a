using System.Net.NetworkInformation;
using Addresses;
using Node.Traversal;
using Relay.Protocol;

namespace Node.Agent.Control;

/// <summary>Finds the direct paths that the tunnel's packets do not fit into, and names each of them once.</summary>
internal sealed class PathMtuWarnings
{
    /// <summary>Paths remembered. Beyond that all are forgotten, and named anew.</summary>
    private const int MaxRemembered = 4096;

    private readonly HashSet<(NodeKey Peer, TransportAddress Remote)> _named = [];

    /// <summary>The MTU of an interface; null where there is none of that name.</summary>
    public static int? MtuOf(string interfaceName) =>
        NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(found => found.Name == interfaceName)?.GetIPProperties().GetIPv4Properties()?.Mtu;

    /// <summary>Takes the paths as they are, and gives a sentence for each that is too narrow and was not named before.</summary>
    /// <param name="interfaceName">WireGuard's interface.</param>
    /// <param name="mtu">Its MTU.</param>
    /// <param name="peers">The peers. Only what padded checks have found of a path counts here.</param>
    public IReadOnlyList<string> Take(string interfaceName, int mtu, IEnumerable<PeerStatus> peers)
    {
        List<string> warnings = [];
        foreach (PeerStatus peer in peers)
        {
            if (peer.Endpoint is not { } remote || PathMtu.Narrower(kernel: null, peer.PathMtu) is not { } found) continue;
            if (PathMtu.Advise(interfaceName, mtu, [(remote, found)]) is not { } advice) continue;
            if (_named.Count == MaxRemembered) _named.Clear();
            if (_named.Add((peer.PublicKey, remote))) warnings.Add(advice);
        }

        return warnings;
    }
}
