using System.Diagnostics.CodeAnalysis;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>The peers of a node, found by node key and by the disco key of their latest start; it paces their Hellos over all of them.</summary>
internal sealed class PeerTable(Instant now)
{
    /// <summary>Hellos a second over all peers: a node with hundreds of peers greets them in seconds and floods nobody.</summary>
    private const double HellosPerSecond = 100;
    private const double HelloBurst = 20;

    private static readonly TimeSpan HelloPace = TimeSpan.FromSeconds(1 / HellosPerSecond);

    private readonly Dictionary<NodeKey, PeerSession> _peers = [];
    private readonly Dictionary<NodeKey, PeerSession> _byDiscoKey = [];
    private TokenBucket _hellos = new(HellosPerSecond, HelloBurst, now);
    private long _putBacksOfRemoved;

    /// <summary>All of them.</summary>
    public Dictionary<NodeKey, PeerSession>.ValueCollection All => _peers.Values;

    /// <summary>How often a direct path was left because data did not pass where checks did, over all peers there are and were.</summary>
    public long PutBacks => _putBacksOfRemoved + _peers.Values.Sum(peer => (long)peer.Finder.PutBacks);

    /// <summary>When a peer wants to be looked at; never where nothing is planned.</summary>
    public Instant NextTimeout
    {
        get
        {
            Instant next = Instant.Never;
            foreach (PeerSession peer in _peers.Values) next = Instant.Min(next, peer.NextTimeout ?? Instant.Never);
            return next;
        }
    }

    public bool Contains(NodeKey key) => _peers.ContainsKey(key);

    public bool TryFind(NodeKey key, [NotNullWhen(true)] out PeerSession? peer) => _peers.TryGetValue(key, out peer);

    /// <summary>Finds a peer by the disco key of its latest start: without a curve operation.</summary>
    public bool TryFindByDiscoKey(NodeKey discoKey, [NotNullWhen(true)] out PeerSession? peer) => _byDiscoKey.TryGetValue(discoKey, out peer);

    public void Add(PeerSession peer) => _peers.Add(peer.Key, peer);

    public bool Remove(NodeKey key)
    {
        if (!_peers.Remove(key, out PeerSession? peer)) return false;
        if (peer.DiscoKey is { } disco) Release(disco.Value, peer);
        _putBacksOfRemoved += peer.Finder.PutBacks;
        return true;
    }

    /// <summary>Hands a peer its Hello; from now on it is found by the disco key in there, where it counts.</summary>
    public void HandleHello(PeerSession peer, int regionId, ReadOnlySpan<byte> packet, Instant now)
    {
        DiscoKey? before = peer.DiscoKey;
        peer.HandleHello(regionId, packet, now);
        if (peer.DiscoKey == before) return;
        if (before is { } old) Release(old.Value, peer);
        if (peer.DiscoKey is { } fresh) _byDiscoKey.TryAdd(fresh.Value, peer);
    }

    /// <summary>
    /// Whose an opened message is. Disco keys are no secret, and a peer may say that another's is its own; but a check that is sealed with one
    /// names its sender inside, and from then on the key is that one's.
    /// </summary>
    public PeerSession OwnerOf(ReadOnlySpan<byte> message, PeerSession found)
    {
        if ((DiscoMessageType)message[0] != DiscoMessageType.Ping || !DiscoPing.TryRead(message, out DiscoPing ping) || ping.Sender == found.Key) return found;
        if (!_peers.TryGetValue(ping.Sender, out PeerSession? named) || named.DiscoKey != found.DiscoKey || named.DiscoKey is not { } shared) return found;
        _byDiscoKey[shared.Value] = named;
        return named;
    }

    /// <summary>Does what is due with each.</summary>
    public void HandleTimeout(Instant now)
    {
        foreach (PeerSession peer in _peers.Values)
        {
            if (peer.NextTimeout <= now) peer.HandleTimeout(now);
        }
    }

    /// <summary>Publishes what has changed with each.</summary>
    public void Drain(Instant now)
    {
        foreach (PeerSession peer in _peers.Values) peer.Drain(now);
    }

    /// <summary>The machine is on other links than before.</summary>
    public void HandleOwnLinks(Instant now)
    {
        foreach (PeerSession peer in _peers.Values)
        {
            peer.Candidates.HandleOwnLinks(now);
            peer.Drain(now);
        }
    }

    /// <summary>Sends the Hellos that are due, as fast as the pace allows.</summary>
    public void SendHellos(Instant now)
    {
        foreach (PeerSession peer in _peers.Values)
        {
            if (peer.Hellos.Next <= now)
            {
                if (_hellos.TryTake(1, now)) peer.SendHello(now);
                else peer.Hellos.Postpone(now + HelloPace);
            }

            while (peer.PairRelay.NextAsk <= now)
            {
                if (_hellos.TryTake(1, now)) peer.AskByRelay(now);
                else peer.PairRelay.Postpone(now + HelloPace);
            }
        }
    }

    /// <summary>A peer has another disco key now, or none: the one before is whose else it is.</summary>
    private void Release(NodeKey discoKey, PeerSession peer)
    {
        if (_byDiscoKey.GetValueOrDefault(discoKey) != peer) return;
        _byDiscoKey.Remove(discoKey);
        if (_peers.Values.FirstOrDefault(other => other != peer && other.DiscoKey?.Value == discoKey) is { } heir) _byDiscoKey[discoKey] = heir;
    }
}
