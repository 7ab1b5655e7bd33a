using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <content>The way of a packet into its destination's queue.</content>
internal sealed partial class ClientConnection
{
    private int _lengthBucket;
    private int _lengthCount;
    private long _lengthSum;

    /// <summary>Turns a SendPacket into the RecvPacket it becomes, and puts it into its destination's queue.</summary>
    private void Route(Span<byte> frame, Instant now, HashSet<ClientConnection> woken)
    {
        PacketFrame.TryRead(frame[FrameHeader.Length..], out NodeKey destination, out ReadOnlySpan<byte> packet);
        PacketKind kind = PacketKinds.Of(packet);
        _packetsIn++;
        _bytesIn += packet.Length;
        CountLength(packet.Length);

        ClientConnection? receiver = FindReceiver(destination);
        if (receiver is null)
        {
            RouteAbroad(destination, packet, kind, now, woken);
            return;
        }

        PacketFrame.WritePrefix(frame, FrameType.RecvPacket, Key, packet.Length);
        Deliver(receiver, frame, kind, now, woken);
    }

    /// <summary>Sends a packet on to the relay of the region that has its destination, if one has.</summary>
    private void RouteAbroad(NodeKey destination, ReadOnlySpan<byte> packet, PacketKind kind, Instant now, HashSet<ClientConnection> woken)
    {
        if (_set!.Tenant.FindRemote(destination)?.Preferred is { } link)
        {
            link.Forward(Key, destination, packet, kind, now);
            return;
        }

        _router.Counters.CountDrop(DropReason.UnknownDestination, kind);
        if (kind == PacketKind.Disco) SayNotHere(destination, now, woken);
    }

    private void Deliver(ClientConnection receiver, Span<byte> frame, PacketKind kind, Instant now, HashSet<ClientConnection> woken)
    {
        if (Outlet is { } outlet)
        {
            outlet.Deliver(receiver, frame, kind);
            return;
        }

        receiver.Queue.EnqueuePacket(frame, kind, now);
        woken.Add(receiver);
    }

    /// <summary>Counts the packets of one input at once: an addition that all threads share costs more than the rest of a packet's way.</summary>
    private void CountIn()
    {
        if (_packetsIn == 0) return;
        _router.Counters.CountIn(_packetsIn, _bytesIn);
        Traffic.CountIn(_packetsIn, _bytesIn);
        CountLengths();
        _packetsIn = 0;
        _bytesIn = 0;
    }

    /// <summary>Most packets of a run are of one length: they are added to the histogram together.</summary>
    private void CountLength(int length)
    {
        int bucket = _router.Counters.PacketLengths.BucketOf(length);
        if (bucket != _lengthBucket) CountLengths();
        _lengthBucket = bucket;
        _lengthCount++;
        _lengthSum += length;
    }

    private void CountLengths()
    {
        if (_lengthCount == 0) return;
        _router.Counters.PacketLengths.Add(_lengthBucket, _lengthCount, _lengthSum);
        _lengthCount = 0;
        _lengthSum = 0;
    }

    private ClientConnection? FindReceiver(NodeKey destination)
    {
        if (destination == _lastDestination && _lastSet?.Active is { } same) return same;

        ClientSet? set = _set!.Tenant.Find(destination);
        if (set?.Active is not { } active) return null;
        _lastDestination = destination;
        _lastSet = set;
        _set.Receivers.Note(set, _router.Departures);
        return active;
    }

    private void SayNotHere(NodeKey destination, Instant now, HashSet<ClientConnection> woken)
    {
        if (!_notHere.TryTake(1, now)) return;
        Span<byte> gone = stackalloc byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(gone, destination, PeerGoneReason.NotHere);
        Queue.EnqueueControl(gone);
        _router.Counters.CountPeerGone(PeerGoneReason.NotHere);
        woken.Add(this);
    }
}
