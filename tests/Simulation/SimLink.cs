using Addresses;

namespace Simulation;

/// <summary>A link: a LAN, or a provider's network behind its NAT. Who is not on it is reached through the gateway, if there is one.</summary>
public sealed class SimLink(SimWorld world) : ISimNetwork
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(0.2);

    private readonly Dictionary<UInt128, ISimReceiver> _receivers = [];

    /// <summary>The way out; null = the link has none of its own.</summary>
    public SimGateway? Gateway { get; set; }

    /// <inheritdoc/>
    public void Attach(TransportAddress address, ISimReceiver? receiver)
    {
        if (receiver is null) _receivers.Remove(address.Bits);
        else _receivers[address.Bits] = receiver;
    }

    /// <inheritdoc/>
    public void Send(SimPacket packet)
    {
        if (_receivers.TryGetValue(packet.Destination.Bits, out ISimReceiver? neighbour)) world.Later(Delay, packet, neighbour);
        else if (Gateway is { } gateway) gateway.Forward(packet);
        else world.Drop(packet, SimDrop.NoRoute);
    }

    /// <summary>Hands on what has come through the gateway.</summary>
    public void Deliver(SimPacket packet)
    {
        if (_receivers.TryGetValue(packet.Destination.Bits, out ISimReceiver? receiver)) receiver.Receive(packet);
        else world.Drop(packet, SimDrop.NoRoute);
    }
}

/// <summary>The box between a link and the network outside: a NAT or firewall for IPv4, a firewall or nothing for IPv6.</summary>
public sealed class SimGateway(SimWorld world, SimLink inside, ISimNetwork outside, SimNat? ipv4, SimNat? ipv6) : ISimReceiver
{
    /// <summary>The IPv4 side; null = it lets all through.</summary>
    public SimNat? Ipv4 => ipv4;

    /// <summary>The IPv6 side; null = it lets all through.</summary>
    public SimNat? Ipv6 => ipv6;

    /// <summary>Forwards a packet from inside.</summary>
    public void Forward(SimPacket packet)
    {
        if (packet.TimeToLive <= 1)
        {
            world.Drop(packet, SimDrop.Expired); // Before the NAT has seen it: what dies here opens nothing.
            return;
        }

        SimNat? nat = NatFor(packet);
        TransportAddress source = nat is null ? packet.Source : nat.Out(packet.Source, packet.Destination, world.Now);
        SimPacket translated = packet with { Source = source, TimeToLive = (byte)(packet.TimeToLive - 1) };
        if (!source.IsValid) world.Drop(packet, SimDrop.Refused);
        else if (nat is null || nat.Kind.IsFirewall || packet.Destination.Bits != nat.PublicAddress.Bits) outside.Send(translated);
        else if (nat.Kind.Hairpins) world.Later(TimeSpan.FromMilliseconds(0.1), translated, this);
        else world.Drop(packet, SimDrop.NoHairpin);
    }

    /// <summary>Takes a packet from outside.</summary>
    public void Receive(SimPacket packet)
    {
        SimNat? nat = NatFor(packet);
        TransportAddress local = nat is null ? packet.Destination : nat.In(packet.Source, packet.Destination, world.Now);
        if (!local.IsValid) world.Drop(packet, SimDrop.Filtered);
        else if (packet.TimeToLive <= 1) world.Drop(packet, SimDrop.Expired);
        else inside.Deliver(packet with { Destination = local, TimeToLive = (byte)(packet.TimeToLive - 1) });
    }

    private SimNat? NatFor(SimPacket packet) => packet.Destination.IsIpv4 ? ipv4 : ipv6;
}
