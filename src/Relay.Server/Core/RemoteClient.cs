namespace Relay.Server.Core;

/// <summary>A key that other relays of the region say is connected to them. Of several that say so the first is believed, until it takes it back.</summary>
internal sealed class RemoteClient
{
    private readonly List<MeshLink> _links = []; // Changed under the tenant's lock only; the first said so first.
    private volatile MeshLink? _preferred;

    /// <summary>The link by which the key is reached; null once none is left.</summary>
    public MeshLink? Preferred => _preferred;

    /// <summary>Whom the key has sent to here.</summary>
    public PeerGoneTracker Receivers { get; } = new();

    /// <summary>The number of relays that say so.</summary>
    public int LinkCount => _links.Count;

    public void Add(MeshLink link)
    {
        if (!_links.Contains(link)) _links.Add(link);
        _preferred = _links[0];
    }

    /// <summary>Returns true where that was the last.</summary>
    public bool Remove(MeshLink link)
    {
        _links.Remove(link);
        _preferred = _links.Count > 0 ? _links[0] : null;
        return _links.Count == 0;
    }
}
