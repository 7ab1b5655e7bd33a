using Relay.Server.Core;
using Timing;

namespace Relay.Server.Admission;

/// <summary>
/// Ends connections whose admission no longer holds, when lists, tokens or bans have changed; and those in quarantine, so that they come
/// back and are looked at anew.
/// </summary>
internal sealed class LiveAdmission(AdmissionGate gate, PacketRouter router, MonotonicClock clock)
{
    private long _lookUntilTicks;

    /// <summary>How long after a change it still looks: a login that was decided upon before it may come in a little later.</summary>
    private TimeSpan LookFor => 2 * router.Limits.HandshakeTimeout;

    /// <summary>Something has changed that may let other clients in than before.</summary>
    public void HasChanged()
    {
        Volatile.Write(ref _lookUntilTicks, (clock.Now + LookFor).Ticks);
        foreach (ClientConnection connection in router.Quarantine.Connections) connection.Shell?.End(CloseReason.Refused);
    }

    /// <summary>Looks at all connections, if something has changed of late.</summary>
    /// <returns>How many it has ended.</returns>
    public int EndWhatNoLongerHolds()
    {
        if (clock.Now > new Instant(Volatile.Read(ref _lookUntilTicks))) return 0;
        int ended = 0;
        foreach (ClientConnection connection in router.Connections)
        {
            if (connection.Admission is not { } admission || gate.StillHolds(connection.Key, admission)) continue;
            connection.Shell?.End(CloseReason.AdmissionEnded);
            ended++;
        }

        return ended;
    }
}
