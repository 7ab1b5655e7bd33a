using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <content>The client that was refused, and is told so.</content>
internal sealed partial class ClientConnection
{
    private Instant _quarantineEnds = Instant.Never;

    /// <summary>
    /// Refuses a client that has proven its key: it gets ServerInfo, then Health with the reason, which its user sees, then only KeepAlives. It
    /// can be reached by nobody, and its packets are dropped and counted. Where too many are kept so, or it has not come that far, it is cut off.
    /// </summary>
    /// <param name="reason">What the user of the client is to read: a sentence.</param>
    /// <param name="now">The present.</param>
    /// <param name="woken">Takes the connections that have something to send now.</param>
    public void Quarantine(string reason, Instant now, HashSet<ClientConnection> woken)
    {
        if (Phase != ConnectionPhase.Admission || !_router.Quarantine.TryEnter(this))
        {
            Close(CloseReason.Refused, woken);
            return;
        }

        Phase = ConnectionPhase.Quarantined;
        EnqueueServerInfo();
        Queue.EnqueueControl(HealthFrame.Of(reason)); // Behind ServerInfo, which clears what a client knew of its health.
        _quarantineEnds = now + QuarantineWard.Duration;
        _nextKeepAlive = now + _keepAliveInterval;
        woken.Add(this);
    }

    private void DropQuarantined(FrameType type, ReadOnlySpan<byte> body)
    {
        if (type != FrameType.SendPacket) return;
        PacketFrame.TryRead(body, out _, out ReadOnlySpan<byte> packet);
        _router.Counters.CountDrop(DropReason.Quarantined, PacketKinds.Of(packet));
    }
}
