using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <summary>Where clients of ours are to go when the relay ends.</summary>
/// <param name="RegionId">A region of their map; 0 = another, of their choice.</param>
/// <param name="NodeName">A machine in it; empty = any.</param>
internal sealed record MoveTarget(int RegionId, string NodeName)
{
    public static readonly MoveTarget Another = new(0, "");

    /// <summary>Reads <c>REGION</c>, <c>REGION/MACHINE</c> or <c>another</c>; null where it is none of these.</summary>
    public static MoveTarget? Parse(string text)
    {
        if (text == "another") return Another;
        string[] parts = text.Split('/', 2);
        string node = parts.Length > 1 ? parts[1] : "";
        bool isGood = int.TryParse(parts[0], System.Globalization.NumberStyles.None, null, out int region) && region > 0 && node.Length <= MoveFrame.MaxNameLength;
        return isGood ? new MoveTarget(region, node) : null;
    }
}

/// <summary>
/// What clients are told when the relay is about to end: all that it restarts, ours also to move. Each is given a moment of its own, so that
/// the next relay is not stormed.
/// </summary>
internal sealed class DrainNotice(RelayIdentity identity, MoveTarget target, TimeSpan duration, Instant begunAt)
{
    private const int SpreadDivisor = 4; // The last begins with three quarters of the time left.
    private static readonly TimeSpan TryFor = TimeSpan.FromSeconds(10);

    /// <summary>What upgrades are answered meanwhile.</summary>
    public static readonly UpgradeRefusal Refusal = new(503, "Service Unavailable", "This relay is about to end: use another.");

    /// <summary>When the relay ends.</summary>
    public Instant EndsAt => begunAt + duration;

    /// <summary>Says whether a client is one of ours that will move when told.</summary>
    public static bool IsOurs(ClientConnection client) => client.Info is { Extensions: > 0 };

    /// <summary>Leaves the notice in the client's queue; whoever calls wakes it.</summary>
    public void Tell(ClientConnection client, Instant now)
    {
        TimeSpan left = EndsAt > now ? EndsAt - now : TimeSpan.Zero;
        TimeSpan begin = identity.RandomUpTo(left / SpreadDivisor);
        Span<byte> restarting = stackalloc byte[RestartingFrame.Length];
        RestartingFrame.Write(restarting, begin, TryFor);
        client.Queue.EnqueueControl(restarting);
        if (IsOurs(client)) client.Queue.EnqueueControl(new MoveFrame(target.RegionId, target.NodeName, begin, left).ToFrame());
    }
}
