using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Agent.WireGuard;
using Node.Traversal;
using Relay.Protocol;

namespace Node.Agent;

/// <summary>
/// The peers the agent carries: each with its loopback address, the endpoint WireGuard has for it, and its place in the node. A peer's
/// loopback address outlives the node, so a new private key or port does not disturb WireGuard.
/// </summary>
internal sealed class CarriedPeers(WireGuardProxy proxy, EndpointKeeper keeper, ILogger logger)
{
    private readonly Dictionary<NodeKey, Carried> _carried = [];
    private TraversalNode? _node;

    /// <summary>How many there are.</summary>
    public int Count => _carried.Count;

    /// <summary>The peers of a file that are ours to carry. A list for a whole mesh may hold the node itself; that one is left out.</summary>
    public static IEnumerable<WireGuardPeer> Choose(WireGuardConfig config, NodeKey self) => config.Peers.Where(peer => peer.IsCarried && peer.PublicKey != self);

    /// <summary>Brings the peers to what a file says; those that are the same there are not touched.</summary>
    public PeerChanges Apply(WireGuardConfig config, NodeKey self)
    {
        Dictionary<NodeKey, WireGuardPeer> wanted = Choose(config, self).ToDictionary(peer => peer.PublicKey);
        int removed = 0;
        foreach (NodeKey key in _carried.Keys.Where(key => !wanted.ContainsKey(key)).ToArray())
        {
            Remove(key, config.Peers.FirstOrDefault(peer => peer.PublicKey == key)?.EndpointAddress ?? default);
            removed++;
        }

        int added = 0;
        int changed = 0;
        foreach (WireGuardPeer peer in wanted.Values)
        {
            if (!_carried.TryGetValue(peer.PublicKey, out Carried? carried))
            {
                if (TryAdd(peer)) added++;
            }
            else if (TryChange(carried, peer))
            {
                changed++;
            }
        }

        return new PeerChanges(added, removed, changed);
    }

    /// <summary>Hands all peers to a node.</summary>
    public void Attach(TraversalNode node)
    {
        _node = node;
        foreach (Carried carried in _carried.Values) Attach(carried, node);
    }

    /// <summary>Takes the peers from their node, which is about to end. What WireGuard sends meanwhile is dropped and counted.</summary>
    public void Detach()
    {
        _node = null;
        foreach (Carried carried in _carried.Values)
        {
            carried.Link.SendTo(null);
            carried.Place = null;
        }
    }

    private bool TryAdd(WireGuardPeer peer)
    {
        if (OpenLink(peer.PublicKey) is not { } link) return false;

        Carried carried = new(peer, link);
        _carried.Add(peer.PublicKey, carried);
        keeper.Keep(peer.PublicKey, link.Address, peer.EndpointAddress);
        if (_node is { } node) Attach(carried, node);
        return true;
    }

    private WireGuardLink? OpenLink(NodeKey key)
    {
        TransportAddress address = default;
        for (int attempt = 0; attempt < LoopbackAddresses.MaxAttempts; attempt++)
        {
            address = LoopbackAddresses.Of(key, attempt);
            try
            {
                return proxy.Open(address);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                continue; // Another interface's agent has the same peer, or two keys have met by chance.
            }
            catch (SocketException exception)
            {
                logger.NotCarried(key, exception.Message); // The others are.
                return null;
            }
        }

        logger.NoLoopbackAddress(key, address.ToString());
        return null;
    }

    private void Remove(NodeKey key, TransportAddress configured)
    {
        if (!_carried.Remove(key, out Carried? carried)) return;
        _node?.RemovePeer(key);
        proxy.Close(carried.Link);
        keeper.Release(key, configured);
    }

    /// <summary>Brings one peer to what the file says of it. Only another endpoint has the node look for it anew.</summary>
    /// <returns>False where the file says what it said.</returns>
    private bool TryChange(Carried carried, WireGuardPeer peer)
    {
        bool isElsewhere = peer.EndpointAddress != carried.Peer.EndpointAddress;
        bool hasOtherRanges = !peer.AllowedAddresses.SequenceEqual(carried.Peer.AllowedAddresses);
        carried.Peer = peer;
        if (isElsewhere) Replace(carried);
        else if (hasOtherRanges) carried.Place?.SetAllowedAddresses(peer.AllowedAddresses);
        return isElsewhere || hasOtherRanges;
    }

    private void Replace(Carried carried)
    {
        NodeKey key = carried.Peer.PublicKey;
        keeper.Keep(key, carried.Link.Address, carried.Peer.EndpointAddress);
        if (_node is not { } node) return;

        carried.Link.SendTo(null);
        node.RemovePeer(key);
        Attach(carried, node);
    }

    private static void Attach(Carried carried, TraversalNode node)
    {
        TransportAddress extra = carried.Peer.EndpointAddress;
        TraversalPeer peer = node.AddPeer(new TraversalPeerOptions
        {
            PublicKey = carried.Peer.PublicKey,
            AllowedAddresses = carried.Peer.AllowedAddresses,
            ExtraCandidates = extra.IsValid ? [extra] : [],
            Sink = carried.Link,
        });
        carried.Link.WinsCrossing = string.CompareOrdinal(node.PublicKey.ToHex(), carried.Peer.PublicKey.ToHex()) > 0;
        carried.Link.SendTo(peer.SendBatch);
        carried.Place = peer;
    }

    private sealed class Carried(WireGuardPeer peer, WireGuardLink link)
    {
        public WireGuardPeer Peer { get; set; } = peer;
        public WireGuardLink Link => link;

        /// <summary>The peer's place in the node; null while there is no node.</summary>
        public TraversalPeer? Place { get; set; }
    }
}

/// <summary>How many peers a new file has changed.</summary>
internal readonly record struct PeerChanges(int Added, int Removed, int Changed);
