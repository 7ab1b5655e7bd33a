using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <content>What flows once the client is in: frames, each checked before its body is awaited.</content>
internal sealed partial class ClientConnection
{
    private int ReceiveFrames(Span<byte> input, Instant now, HashSet<ClientConnection> woken)
    {
        int consumed = 0;
        while (true)
        {
            if (_skip > 0)
            {
                int skipped = (int)Math.Min(_skip, input.Length - consumed);
                _skip -= skipped;
                consumed += skipped;
            }

            Span<byte> rest = input[consumed..];
            if (!FrameHeader.TryRead(rest, out FrameHeader header)) return consumed;
            if (!FrameRules.IsForUs(header, IsMeshPeer))
            {
                CountUse(header);
                consumed += FrameHeader.Length;
                _skip = header.BodyLength;
                _set?.Activate(this); // It speaks, whatever it says.
                continue;
            }

            int length = FrameHeader.Length + (int)header.BodyLength;
            if (rest.Length < length) return consumed;
            consumed += length;
            CountUse(header);
            if (header.Type == FrameType.Token)
            {
                ReceiveToken(rest[FrameHeader.Length..length], now);
                if (Phase == ConnectionPhase.Admission) return consumed; // What follows waits for the answer.
                continue;
            }

            if (Phase == ConnectionPhase.Quarantined)
            {
                DropQuarantined(header.Type, rest[FrameHeader.Length..length]);
                continue;
            }

            _set!.Activate(this);
            Handle(header.Type, rest[..length], now, woken);
        }
    }

    private void Handle(FrameType type, Span<byte> frame, Instant now, HashSet<ClientConnection> woken)
    {
        ReadOnlySpan<byte> body = frame[FrameHeader.Length..];
        switch (type)
        {
            case FrameType.SendPacket:
                Route(frame, now, woken);
                return;
            case FrameType.ForwardPacket:
                RouteForwarded(frame, now, woken);
                return;
            case FrameType.NotePreferred:
                NotePreferredFrame.TryRead(body, out bool isHome);
                if (isHome != IsHome) _router.Counters.CountHomeChange(isHome);
                IsHome = isHome;
                return;
            case FrameType.Ping:
                PingFrame.TryRead(body, out ReadOnlySpan<byte> data);
                _router.Counters.CountPing();
                Queue.EnqueuePong(data);
                woken.Add(this);
                return;
            case FrameType.WatchConns:
                Watch(woken);
                return;
            case FrameType.ClosePeer:
                ClosePeer(body);
                return;
            default:
                return;
        }
    }
}
