using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>Which frames a client may send, and how long each may be.</summary>
internal static class FrameRules
{
    /// <summary>Says whether the frame is one we act upon, of a length it may have. Its body need not have arrived.</summary>
    /// <exception cref="RelayProtocolException">The length may not be, or the frame is not the client's to send.</exception>
    public static bool IsForUs(FrameHeader header, bool isMeshPeer)
    {
        if (!isMeshPeer && header.Type is (FrameType.ForwardPacket or FrameType.WatchConns or FrameType.ClosePeer)) throw new RelayProtocolException($"A frame of type {(int)header.Type} is for mesh peers only.");

        bool isLengthRight = header.Type switch
        {
            FrameType.SendPacket => header.BodyLength is >= NodeKey.Length and <= NodeKey.Length + RelayLimits.MaxPacketLength,
            FrameType.ForwardPacket => header.BodyLength is >= ForwardPacketFrame.KeysLength and <= ForwardPacketFrame.KeysLength + RelayLimits.MaxPacketLength,
            FrameType.NotePreferred => header.BodyLength == 1,
            FrameType.WatchConns => header.BodyLength == 0,
            FrameType.ClosePeer => header.BodyLength == NodeKey.Length,
            FrameType.Ping => header.BodyLength is >= PingFrame.DataLength and <= RelayLimits.MaxPingLength,
            FrameType.Token => header.BodyLength <= TokenFrame.MaxBodyLength,
            _ => header.BodyLength <= RelayLimits.MaxFrameLength,
        };
        if (!isLengthRight) throw new RelayProtocolException($"A frame of type {(int)header.Type} with {header.BodyLength} bytes.");
        return header.Type is FrameType.SendPacket or FrameType.ForwardPacket or FrameType.NotePreferred or FrameType.WatchConns or FrameType.ClosePeer or FrameType.Ping or FrameType.Token;
    }
}
