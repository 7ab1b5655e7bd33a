using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>
/// Decides what WireGuard's endpoints must be. WireGuard roams: it sends to wherever the last authentic packet came from, so an
/// endpoint that was set does not stay. Told from time to time what the interface has, this says what to put back.
/// </summary>
internal sealed class EndpointKeeper
{
    private readonly Dictionary<NodeKey, Kept> _kept = [];
    private readonly List<(NodeKey Peer, TransportAddress Own, TransportAddress Previous)> _released = [];

    /// <summary>How often an endpoint had gone astray and was put back.</summary>
    public long Corrections { get; private set; }

    /// <summary>Takes charge of a peer's endpoint.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="own">Our loopback address for it.</param>
    /// <param name="configured">The endpoint the file gives it; not valid where it gives none.</param>
    public void Keep(NodeKey peer, TransportAddress own, TransportAddress configured)
    {
        _released.RemoveAll(released => released.Peer == peer);
        _kept[peer] = new Kept(own, configured);
    }

    /// <summary>
    /// Gives a peer's endpoint back: the next <see cref="Compare"/> has the one from before, where there was one. (WireGuard cannot be
    /// told to forget an endpoint; ours leads nowhere then, and the peer's next packet replaces it.)
    /// </summary>
    /// <param name="peer">The peer.</param>
    /// <param name="configured">The endpoint the file gives it now; not valid where it gives none.</param>
    public void Release(NodeKey peer, TransportAddress configured = default)
    {
        if (!_kept.Remove(peer, out Kept? kept)) return;
        TransportAddress previous = configured.IsValid ? configured : kept.Previous;
        if (previous.IsValid) _released.Add((peer, kept.Own, previous));
    }

    /// <summary>Gives all endpoints back.</summary>
    public void ReleaseAll()
    {
        foreach (NodeKey peer in _kept.Keys.ToArray()) Release(peer);
    }

    /// <summary>Compares the interface with what it should be.</summary>
    /// <param name="endpoints">The interface's peers and their endpoints.</param>
    /// <param name="missing">Peers of ours that the interface does not have; each is told once for as long as it is missing.</param>
    /// <returns>The endpoints to set, all of peers the interface has.</returns>
    public IReadOnlyList<PeerEndpoint> Compare(IReadOnlyDictionary<NodeKey, TransportAddress> endpoints, out IReadOnlyList<NodeKey> missing)
    {
        List<PeerEndpoint> wrong = [];
        List<NodeKey> gone = [];
        foreach ((NodeKey peer, Kept kept) in _kept)
        {
            if (!endpoints.TryGetValue(peer, out TransportAddress present))
            {
                if (!kept.IsMissing) gone.Add(peer);
                kept.IsMissing = true;
                continue;
            }

            kept.IsMissing = false;
            if (IsAstray(kept, present)) wrong.Add(new PeerEndpoint(peer, kept.Own));
        }

        foreach ((NodeKey peer, TransportAddress own, TransportAddress previous) in _released)
        {
            // Only where it is still ours: it may have roamed to a real one, or the peer may be gone.
            if (endpoints.TryGetValue(peer, out TransportAddress present) && present == own) wrong.Add(new PeerEndpoint(peer, previous));
        }

        _released.Clear();
        missing = gone;
        return wrong;
    }

    private bool IsAstray(Kept kept, TransportAddress present)
    {
        NoteFirstSight(kept, present);
        if (present != kept.Own)
        {
            if (kept.WasOurs) Corrections++;
            return true;
        }

        kept.WasOurs = true;
        return false;
    }

    private static void NoteFirstSight(Kept kept, TransportAddress present)
    {
        if (kept.WasSeen) return;
        kept.WasSeen = true;
        // One on loopback was left behind by an earlier run of ours that could not tidy up.
        if (present.IsValid && AddressScopes.ScopeOf(present) != AddressScope.Loopback) kept.Previous = present;
    }

    private sealed class Kept(TransportAddress own, TransportAddress previous)
    {
        public TransportAddress Own => own;
        public TransportAddress Previous { get; set; } = previous;
        public bool WasSeen { get; set; }
        public bool WasOurs { get; set; }
        public bool IsMissing { get; set; }
    }
}
