using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Timing;

namespace Simulation;

/// <summary>A simulated node's data plane towards one peer, with the parts that the real one has.</summary>
/// <param name="sendUdp">Sends a datagram.</param>
/// <param name="trySendByRelay">Hands a packet to a relay, by its region; false where that is not connected.</param>
internal sealed class SimPeer(Action<SocketId, TransportAddress, byte[]> sendUdp, Func<int, byte[], bool> trySendByRelay)
{
    private readonly HoldQueue _held = new();

    public PathTraffic Traffic { get; } = new();

    public SelectedPath Path { get; private set; } = SelectedPath.None;

    public void Send(byte[] packet, Instant now)
    {
        SelectedPath path = Path;
        bool goesByRelay = path.Kind == PathKind.Relay || (path.Kind == PathKind.Direct && Traffic.CopiesByRelay(path, 1, now) > 0);
        SendDirect(path, packet);
        bool isQueued = goesByRelay && trySendByRelay(path.RegionId, packet);
        if (path.Kind == PathKind.None || (goesByRelay && Traffic.MustHold(path, isQueued, now))) _held.Add(packet, now);
    }

    public void SetPath(SelectedPath path, Instant now)
    {
        Path = path;
        if (path.Kind == PathKind.None) return;
        _held.DropOld(now);
        foreach (byte[] packet in _held.Packets)
        {
            SendDirect(path, packet);
            if (path.Kind == PathKind.Relay || path.IsSuspect) trySendByRelay(path.RegionId, packet);
        }

        if (!path.IsUnproven) _held.Clear();
    }

    private void SendDirect(SelectedPath path, byte[] packet)
    {
        if (path.Kind != PathKind.Direct) return;
        Traffic.CountSentDirect(1);
        sendUdp(path.Socket, path.Remote, packet);
    }
}
