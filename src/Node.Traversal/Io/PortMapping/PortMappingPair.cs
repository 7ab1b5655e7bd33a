using Addresses;
using Node.Traversal.Core.PortMapping;
using Timing;

namespace Node.Traversal.Io.PortMapping;

/// <summary>The two loops of a node: mappings at the IPv4 gateway, and pinholes at the IPv6 gateway.</summary>
internal sealed class PortMappingPair : IAsyncDisposable
{
    private readonly PortMappingLoop _mapping;
    private readonly PortMappingLoop? _pinhole;
    private readonly Action<PortMappingStatus> _handle;
    private readonly Lock _gate = new();

    /// <param name="port">The local UDP port.</param>
    /// <param name="hasIpv6">Says that it is bound in IPv6 too.</param>
    /// <param name="mark">The firewall mark of every packet.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="handle">Told whenever what a gateway offers has changed, by one task at a time.</param>
    public PortMappingPair(ushort port, bool hasIpv6, Func<uint> mark, MonotonicClock clock, Action<PortMappingStatus> handle)
    {
        _handle = handle;
        _mapping = new PortMappingLoop(port, mark, clock, DefaultGateway.FindIpv4, _ => Tell());
        _pinhole = hasIpv6 ? new PortMappingLoop(port, mark, clock, DefaultGateway.FindIpv6, _ => Tell()) : null;
    }

    /// <summary>What the gateways offer.</summary>
    public PortMappingStatus Status => _mapping.Status with { Pinhole = _pinhole?.Status ?? PortMappingStatus.NoGateway };

    /// <summary>Ends once that is known.</summary>
    public Task Settled => _pinhole is null ? _mapping.Settled : Task.WhenAll(_mapping.Settled, _pinhole.Settled);

    /// <summary>Datagrams let go for a reason.</summary>
    public long CountOf(PortMapDrop reason) => _mapping.Drops[reason] + (_pinhole?.Drops[reason] ?? 0);

    /// <summary>Starts asking.</summary>
    public void Start()
    {
        _mapping.Start();
        _pinhole?.Start();
    }

    /// <summary>Takes the machine's addresses, those of the tunnel not among them.</summary>
    public void HandleAddresses(IReadOnlyList<TransportAddress> addresses)
    {
        _mapping.HandleAddresses(addresses);
        _pinhole?.HandleAddresses(addresses);
    }

    /// <summary>Gives back what is held, and ends.</summary>
    public async ValueTask DisposeAsync() => await Task.WhenAll(_mapping.DisposeAsync().AsTask(), _pinhole?.DisposeAsync().AsTask() ?? Task.CompletedTask);

    private void Tell()
    {
        lock (_gate) _handle(Status);
    }
}
