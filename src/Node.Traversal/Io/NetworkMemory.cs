using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io;

/// <summary>Knows which network the node is in, and what is remembered of it.</summary>
/// <param name="state">Where it is kept.</param>
/// <param name="read">Reads which network it is.</param>
internal sealed class NetworkMemory(NodeState state, Func<NetworkFingerprint> read)
{
    private readonly Lock _gate = new();
    private NetworkFingerprint _present = NetworkFingerprint.None;

    /// <summary>The network at present.</summary>
    public NetworkFingerprint Present
    {
        get
        {
            lock (_gate) return _present;
        }
    }

    /// <summary>The network has changed: sees which one it is.</summary>
    /// <param name="tell">Is told what is remembered of it, before any later look.</param>
    public void Look(Action<KnownNetwork> tell)
    {
        lock (_gate)
        {
            _present = read();
            tell(state.FindNetwork(_present));
        }
    }

    /// <summary>Something was heard from outside, so that the gateway's link-layer address is known by now: it may tell this network from others.</summary>
    /// <param name="tell">Is told what is remembered of it, where it has another name than before.</param>
    public void LookAgain(Action<KnownNetwork> tell)
    {
        lock (_gate)
        {
            NetworkFingerprint network = read();
            if (network == _present) return;
            _present = network;
            tell(state.FindNetwork(network));
        }
    }
}
