using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;

namespace Simulation;

/// <summary>What a node remembers of the sites it has been on, over a restart too: its state file.</summary>
internal sealed class SimMemory
{
    private readonly Dictionary<NetworkFingerprint, KnownNetwork> _networks = [];

    public KnownNetwork Of(SimSite site)
    {
        NetworkFingerprint name = new($"site {site.Number}");
        return _networks.GetValueOrDefault(name) ?? new KnownNetwork(name);
    }

    public void Note(NodeEvent.NatLearnt learnt)
    {
        KnownNetwork known = _networks.GetValueOrDefault(learnt.Network) ?? new KnownNetwork(learnt.Network);
        _networks[learnt.Network] = learnt.IsIpv4 ? known with { Ipv4 = learnt.Nat } : known with { Ipv6 = learnt.Nat };
    }
}
