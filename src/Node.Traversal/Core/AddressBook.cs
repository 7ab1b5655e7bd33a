using Addresses;
using Relay.Protocol;

namespace Node.Traversal.Core;

/// <summary>
/// Which addresses are whose: the data plane gives what comes from them to that peer. An address is proven by a sealed message from it, which
/// anybody can send with a source that is not its own; so it changes hands only with the answer to a check that went there. A peer keeps its
/// latest few.
/// </summary>
internal sealed class AddressBook(NodeContext context)
{
    /// <summary>The most addresses kept for a peer: a hard NAT shows a new one for each of ours, and a roaming peer leaves old ones behind.</summary>
    public const int MaxAddressesOfPeer = 16;

    private readonly Dictionary<TransportAddress, NodeKey> _owners = [];
    private readonly Dictionary<NodeKey, List<TransportAddress>> _addresses = [];

    /// <summary>A sealed message of the peer came from this address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="isAnswer">Says that it answers a check of ours: what is sent there arrives at the peer.</param>
    public void HandleProven(TransportAddress address, NodeKey peer, bool isAnswer)
    {
        if (_owners.TryGetValue(address, out NodeKey owner) && owner == peer)
        {
            List<TransportAddress> known = _addresses[peer];
            if (known[^1] == address) return;
            known.Remove(address);
            known.Add(address); // The latest last.
            return;
        }

        if (owner != default && !isAnswer) return;
        if (owner != default) _addresses[owner].Remove(address); // A NAT has given the port to another peer.
        if (!_addresses.TryGetValue(peer, out List<TransportAddress>? addresses)) _addresses.Add(peer, addresses = []);
        if (addresses.Count == MaxAddressesOfPeer)
        {
            _owners.Remove(addresses[0]);
            context.Raise(new NodeEvent.AddressForgotten(addresses[0]));
            addresses.RemoveAt(0);
        }

        addresses.Add(address);
        _owners[address] = peer;
        context.Raise(new NodeEvent.AddressLearnt(address, peer));
    }

    /// <summary>The peer was removed.</summary>
    public void Forget(NodeKey peer)
    {
        if (!_addresses.Remove(peer, out List<TransportAddress>? addresses)) return;
        foreach (TransportAddress address in addresses)
        {
            _owners.Remove(address);
            context.Raise(new NodeEvent.AddressForgotten(address));
        }
    }
}
