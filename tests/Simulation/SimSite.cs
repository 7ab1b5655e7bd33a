using Addresses;

namespace Simulation;

/// <summary>A site: hosts on one LAN, and the NAT between them and the network. Without a NAT its hosts have public addresses.</summary>
public sealed class SimSite : ISimReceiver
{
    private static readonly TimeSpan LanDelay = TimeSpan.FromMilliseconds(0.2);

    private readonly SimWorld _world;
    private readonly Dictionary<UInt128, SimNode> _hosts = [];

    /// <summary>Makes a site.</summary>
    /// <param name="world">The world.</param>
    /// <param name="number">1 to 99: the NAT is 198.18.N.2, hosts are 192.168.N.x.</param>
    /// <param name="nat">The kind of NAT; null = none.</param>
    public SimSite(SimWorld world, byte number, NatKind? nat)
    {
        _world = world;
        Number = number;
        if (nat is null) return;
        TransportAddress address = PublicAddress(2);
        Nat = new SimNat(nat, address, world.Random);
        world.Attach(address, this);
    }

    /// <summary>The site's number.</summary>
    public byte Number { get; }

    /// <summary>The NAT; null = none.</summary>
    public SimNat? Nat { get; }

    /// <summary>The address of the host with that number on this site.</summary>
    public TransportAddress AddressOf(byte host) => Nat is null ? PublicAddress(host) : TransportAddress.FromIpv4(0xc0a80000 | ((uint)Number << 8) | host, 0);

    /// <summary>Gives a host an address here; null takes the address away.</summary>
    public void Attach(TransportAddress address, SimNode? host)
    {
        if (host is null) _hosts.Remove(address.Bits);
        else _hosts[address.Bits] = host;
        if (Nat is null) _world.Attach(address, host is null ? null : this);
    }

    /// <summary>The router starts anew with another public address.</summary>
    public void Reboot(byte host)
    {
        _world.Attach(Nat!.PublicAddress, null);
        Nat.Reboot(PublicAddress(host));
        _world.Attach(Nat.PublicAddress, this);
    }

    /// <summary>A host sends.</summary>
    public void Send(TransportAddress source, TransportAddress destination, byte[] payload)
    {
        if (_hosts.TryGetValue(destination.Bits, out SimNode? neighbour))
        {
            _world.After(LanDelay, () => neighbour.ReceiveUdp(source, destination, payload));
            return;
        }

        if (Nat is null)
        {
            _world.Carry(source, destination, payload);
            return;
        }

        if (AddressScopes.ScopeOf(destination) == AddressScope.Private) // Somebody else's LAN: there is no way.
        {
            _world.CountDrop();
            return;
        }

        TransportAddress translated = Nat.Out(source, destination, _world.Now);
        if (!translated.IsValid) _world.CountDrop();
        else if (destination.Bits != Nat.PublicAddress.Bits) _world.Carry(translated, destination, payload);
        else if (Nat.Kind.Hairpins) _world.After(LanDelay, () => Receive(translated, destination, payload));
        else _world.CountDrop();
    }

    /// <inheritdoc/>
    public void Receive(TransportAddress source, TransportAddress destination, byte[] payload)
    {
        TransportAddress local = Nat is null ? destination : Nat.In(source, destination.Port, _world.Now);
        if (local.IsValid && _hosts.TryGetValue(local.Bits, out SimNode? host)) host.ReceiveUdp(source, local, payload);
        else _world.CountDrop();
    }

    private TransportAddress PublicAddress(byte host) => TransportAddress.FromIpv4(0xc6120000 | ((uint)Number << 8) | host, 0);
}
