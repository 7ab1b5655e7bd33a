using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <summary>
/// Our connection to another relay of the region, once it has let us in: frames in, frames out. It learns who is connected there, and takes
/// packets for them. One caller at a time hands it input; any thread may forward.
/// </summary>
internal sealed class MeshLink(RelayIdentity identity, PacketRouter router, Tenant tenant)
{
    /// <summary>The longest input that can be needed at once to make progress.</summary>
    public const int MaxInputLength = FrameHeader.Length + RelayLimits.MaxPingLength;

    private readonly Lock _forwarding = new();
    private readonly byte[] _frame = new byte[ForwardPacketFrame.PrefixLength + RelayLimits.MaxPacketLength];
    private readonly HashSet<NodeKey> _learnt = [];
    private long _skip;

    /// <summary>What is to be sent.</summary>
    public SendQueue Queue { get; } = new(router.Counters, router.QueueMemory);

    /// <summary>Called whenever something was put into <see cref="Queue"/>, by any thread, which must not be held up; set by the shell.</summary>
    public Action? Wake { get; set; }

    /// <summary>Keys that the other relay says are connected to it.</summary>
    public int LearntCount => _learnt.Count;

    /// <summary>Asks to hear who comes and goes there.</summary>
    public void Begin()
    {
        Queue.EnqueueControl(WatchConnsFrame.Bytes);
        Wake?.Invoke();
    }

    /// <summary>Sends a packet on for a client of the other relay. It goes no further than that.</summary>
    public void Forward(NodeKey source, NodeKey destination, ReadOnlySpan<byte> packet, PacketKind kind, Instant now)
    {
        lock (_forwarding)
        {
            ForwardPacketFrame.WritePrefix(_frame, source, destination, packet.Length);
            packet.CopyTo(_frame.AsSpan(ForwardPacketFrame.PrefixLength));
            Queue.EnqueuePacket(_frame.AsSpan(0, ForwardPacketFrame.PrefixLength + packet.Length), kind, now);
        }

        router.Counters.CountForwardedOut();
        Wake?.Invoke();
    }

    /// <summary>Takes what has arrived.</summary>
    /// <returns>The bytes consumed from the front.</returns>
    /// <exception cref="RelayProtocolException">The other relay broke the protocol.</exception>
    public int Receive(ReadOnlySpan<byte> input, HashSet<ClientConnection> woken)
    {
        int consumed = 0;
        while (true)
        {
            int skipped = (int)Math.Min(_skip, input.Length - consumed);
            _skip -= skipped;
            consumed += skipped;

            ReadOnlySpan<byte> rest = input[consumed..];
            if (!FrameHeader.TryRead(rest, out FrameHeader header)) return consumed;
            if (header.BodyLength > RelayLimits.MaxFrameLength) throw new RelayProtocolException($"A frame of type {(int)header.Type} with {header.BodyLength} bytes.");
            if (!IsForUs(header))
            {
                consumed += FrameHeader.Length;
                _skip = header.BodyLength;
                continue;
            }

            int length = FrameHeader.Length + (int)header.BodyLength;
            if (rest.Length < length) return consumed;
            Handle(header.Type, rest[FrameHeader.Length..length], woken);
            consumed += length;
        }
    }

    /// <summary>The connection has ended: what was learnt by it counts no more.</summary>
    public void Close(HashSet<ClientConnection> woken)
    {
        Queue.Close();
        foreach (NodeKey peer in _learnt) tenant.RemoveRemote(peer, this, router.Departures, woken);
        _learnt.Clear();
    }

    /// <summary>Says whether we act upon the frame; later relays may append to a body, so up to some length.</summary>
    private static bool IsForUs(FrameHeader header) => header.Type switch
    {
        FrameType.PeerPresent or FrameType.PeerGone => header.BodyLength is >= NodeKey.Length and <= RelayLimits.MaxPingLength,
        FrameType.Ping => header.BodyLength is >= PingFrame.DataLength and <= RelayLimits.MaxPingLength,
        _ => false,
    };

    private void Handle(FrameType type, ReadOnlySpan<byte> body, HashSet<ClientConnection> woken)
    {
        switch (type)
        {
            case FrameType.PeerPresent when PeerPresentFrame.TryRead(body, out NodeKey peer, out _, out _):
                // Our own key there is this very link, as the other relay sees it.
                if (peer != identity.Keys.PublicKey && _learnt.Add(peer)) tenant.AddRemote(peer, this);
                return;
            case FrameType.PeerGone when PeerGoneFrame.TryRead(body, out NodeKey peer, out _): // For either reason it cannot be reached there.
                if (_learnt.Remove(peer)) tenant.RemoveRemote(peer, this, router.Departures, woken);
                return;
            case FrameType.Ping when PingFrame.TryRead(body, out ReadOnlySpan<byte> data):
                Queue.EnqueuePong(data);
                Wake?.Invoke();
                return;
            default:
                return;
        }
    }
}
