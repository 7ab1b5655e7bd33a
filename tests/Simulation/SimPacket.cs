using Addresses;

namespace Simulation;

/// <summary>One UDP packet under way.</summary>
/// <param name="Source">Where it claims to come from; a NAT writes its own there.</param>
/// <param name="Destination">Where it goes.</param>
/// <param name="Payload">What it carries; nobody on the way looks at it.</param>
public readonly record struct SimPacket(TransportAddress Source, TransportAddress Destination, byte[] Payload)
{
    /// <summary>What hosts send with where nothing else is asked for.</summary>
    public const byte UsualTimeToLive = 64;

    /// <summary>The hops it may still take.</summary>
    public byte TimeToLive { get; init; } = UsualTimeToLive;

    /// <summary>The node that has truly sent it; null = anybody else, whatever the packet claims.</summary>
    public SimNode? Origin { get; init; }
}

/// <summary>Takes packets that come to its address.</summary>
public interface ISimReceiver
{
    /// <summary>Takes one.</summary>
    void Receive(SimPacket packet);
}

/// <summary>Carries packets to whoever has their address: the core of the network, or one link of it.</summary>
public interface ISimNetwork
{
    /// <summary>Has packets to an address handed to <paramref name="receiver"/>; null = to nobody.</summary>
    void Attach(TransportAddress address, ISimReceiver? receiver);

    /// <summary>Carries a packet of somebody who is attached.</summary>
    void Send(SimPacket packet);
}

/// <summary>By what a packet can end on its way.</summary>
public enum SimDrop
{
    /// <summary>The network has lost it.</summary>
    Lost,

    /// <summary>The way between the two addresses is cut.</summary>
    Cut,

    /// <summary>It had no hops left.</summary>
    Expired,

    /// <summary>Nobody has its destination.</summary>
    NoRoute,

    /// <summary>A NAT or firewall does not let it in.</summary>
    Filtered,

    /// <summary>A router lets no UDP through, or has no port left.</summary>
    Refused,

    /// <summary>The router does not turn packets round.</summary>
    NoHairpin,

    /// <summary>The host is there and nobody listens: no socket, not running, asleep.</summary>
    NotHeard,

    /// <summary>Data from an address that the node has not seen proven.</summary>
    UnknownSource,
}
