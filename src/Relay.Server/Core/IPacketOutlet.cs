using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>Takes packets on their way from one client to another, on the thread that has read them: the shell's short cut past the queue.</summary>
internal interface IPacketOutlet
{
    /// <summary>Takes one RecvPacket frame, whole. Frames of one sender to one receiver stay in order.</summary>
    /// <param name="receiver">Whom it is for.</param>
    /// <param name="frame">The frame where it was read; it stays as it is until the input that holds it has been handled.</param>
    /// <param name="kind">What it seems to be.</param>
    void Deliver(ClientConnection receiver, Span<byte> frame, PacketKind kind);
}
