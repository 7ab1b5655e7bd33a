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

    /// <summary>How often an endpoint had gone astray and was put back.</summary>
    public long Corrections { get; private set; }

    /// <summary>Takes charge of a peer's endpoint.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="own">Our loopback address for it.</param>
    /// <param name="configured">The endpoint the file gives it; not valid where it gives none.</param>
    public void Keep(NodeKey peer, TransportAddress own, TransportAddress configured) => _kept[peer] = new Kept(own, configured);

    /// <summary>Gives a peer's endpoint back.</summary>
    /// <returns>The endpoint it had before, or null where it had none: WireGuard cannot forget one, and ours leads nowhere.</returns>
    public PeerEndpoint? Release(NodeKey peer) =>
        _kept.Remove(peer, out Kept? kept) && kept is { WasSeen: true, Previous.IsValid: true } ? new PeerEndpoint(peer, kept.Previous) : null;

    /// <summary>Gives all endpoints back, as <see cref="Release"/> does.</summary>
    public IReadOnlyList<PeerEndpoint> ReleaseAll() => [.. _kept.Keys.ToArray().Select(Release).OfType<PeerEndpoint>()];

    /// <summary>Compares the interface with what it should be.</summary>
    /// <param name="endpoints">The interface's peers and their endpoints.</param>
    /// <param name="missing">Peers of ours that the interface does not have; each is told once for as long as it is missing.</param>
    /// <returns>The endpoints to set.</returns>
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
            NoteFirstSight(kept, present);
            if (present == kept.Own)
            {
                kept.WasOurs = true;
                continue;
            }

            if (kept.WasOurs) Corrections++;
            wrong.Add(new PeerEndpoint(peer, kept.Own));
        }

        missing = gone;
        return wrong;
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
