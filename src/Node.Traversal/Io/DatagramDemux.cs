using System.Collections.Concurrent;
using Addresses;
using Datagrams;
using Node.Traversal.Core;
using Relay.Protocol;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Io;

/// <summary>Where control and data part: STUN and disco go to the loop, all else to the peer whose address it came from.</summary>
internal sealed class DatagramDemux(NodeLoop loop, TraversalCounters counters, MonotonicClock clock)
{
    private readonly ConcurrentDictionary<TransportAddress, TraversalPeer> _owners = new();
    private readonly List<TraversalPeer> _touched = []; // Only for the receiving thread, like the two below.
    private TransportAddress _lastSource; // Neighbours in a batch mostly have one source.
    private TraversalPeer? _lastPeer;

    /// <summary>Data from this address is that peer's from now on.</summary>
    public void Learn(TransportAddress address, TraversalPeer peer) => _owners[address] = peer;

    /// <summary>Data from this address is nobody's.</summary>
    public void Forget(TransportAddress address) => _owners.TryRemove(address, out _);

    /// <summary>Data from any address is no longer that peer's.</summary>
    public void Forget(TraversalPeer peer)
    {
        foreach ((TransportAddress address, TraversalPeer owner) in _owners)
        {
            if (owner == peer) _owners.TryRemove(address, out _);
        }
    }

    /// <summary>Takes what one socket has received at once.</summary>
    public void Receive(SocketId socket, DatagramBatch batch)
    {
        // A sink that throws is the embedder's fault: it costs this batch, and neither the thread nor the process.
        loop.Faults.TryRun((Demux: this, Socket: socket, Batch: batch), static taken => taken.Demux.Take(taken.Socket, taken.Batch));
        _touched.Clear();
    }

    private void Take(SocketId socket, DatagramBatch batch)
    {
        Instant now = clock.Now;
        _lastPeer = null; // Who owned an address a moment ago may not any more.
        for (int i = 0; i < batch.Count; i++)
        {
            if (batch.IsTruncated(i)) counters.Count(TraversalDrop.TooLong);
            else Receive(socket, batch.AddressOf(i), batch[i], now);
        }

        foreach (TraversalPeer peer in _touched) peer.FlushReceived();
    }

    private void Receive(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (PacketKinds.Of(datagram) == PacketKind.Disco || StunMessage.LooksLikeStun(datagram))
        {
            PostControl(socket, source, datagram.ToArray());
            return;
        }

        if (_lastPeer is null || source != _lastSource)
        {
            if (!_owners.TryGetValue(source, out _lastPeer))
            {
                counters.Count(TraversalDrop.UnknownAddress);
                return;
            }

            _lastSource = source;
            if (!_touched.Contains(_lastPeer)) _touched.Add(_lastPeer);
        }

        _lastPeer.DeliverDirect(datagram, now);
    }

    /// <summary>By itself, because what a lambda captures is allocated where the method begins: data must not pay for it.</summary>
    private void PostControl(SocketId socket, TransportAddress source, byte[] datagram) =>
        loop.PostPacket(_owners.ContainsKey(source) ? PacketOrigin.ProvenAddress : PacketOrigin.Stranger, (core, now) => core.HandleDatagram(socket, source, datagram, now));
}
