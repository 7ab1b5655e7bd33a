using System.Net.NetworkInformation;
using Addresses;

namespace Node.Traversal.Io;

/// <summary>Watches the addresses of this machine's interfaces: by the system's notices, and by a look now and then where these fail to come.</summary>
internal sealed class LinkMonitor : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    /// <summary>Notices come in bursts while an interface is set up.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    private readonly Action<IReadOnlyList<TransportAddress>> _handle;
    private readonly bool _allowLoopback;
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private volatile IReadOnlyList<TransportAddress> _excluded;
    private IReadOnlyList<TransportAddress> _last = [];

    /// <summary>Starts watching; the addresses there are now are told at once.</summary>
    /// <param name="excluded">Addresses that are not told: those of the WireGuard interface.</param>
    /// <param name="allowLoopback">Says that loopback addresses are told too.</param>
    /// <param name="time">The clock.</param>
    /// <param name="handle">Takes the whole list whenever it has changed.</param>
    public LinkMonitor(IReadOnlyList<TransportAddress> excluded, bool allowLoopback, TimeProvider time, Action<IReadOnlyList<TransportAddress>> handle)
    {
        _excluded = excluded;
        _allowLoopback = allowLoopback;
        _handle = handle;
        _timer = time.CreateTimer(_ => Look(), null, LookInterval, LookInterval);
        NetworkChange.NetworkAddressChanged += HandleNotice;
        Look();
    }

    /// <summary>Other addresses are the WireGuard interface's now.</summary>
    public void Exclude(IReadOnlyList<TransportAddress> addresses)
    {
        _excluded = addresses;
        Look();
    }

    public async ValueTask DisposeAsync()
    {
        NetworkChange.NetworkAddressChanged -= HandleNotice;
        await _timer.DisposeAsync();
    }

    private void HandleNotice(object? sender, EventArgs arguments) => _timer.Change(Settling, LookInterval);

    private void Look()
    {
        lock (_gate)
        {
            TransportAddress[] found;
            try
            {
                found = [.. Read().Distinct().OrderBy(address => address.Bits)];
            }
            catch (NetworkInformationException)
            {
                return; // An interface went away while it was read: the next look sees the rest.
            }

            if (found.SequenceEqual(_last)) return;
            _last = found;
            _handle(found);
        }
    }

    private IEnumerable<TransportAddress> Read() =>
        from network in NetworkInterface.GetAllNetworkInterfaces()
        where network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
        from unicast in network.GetIPProperties().UnicastAddresses
        let address = TransportAddress.From(unicast.Address, 0)
        let scope = AddressScopes.ScopeOf(address)
        where scope is AddressScope.Global or AddressScope.Private || (scope == AddressScope.Loopback && _allowLoopback)
        where !_excluded.Any(excluded => excluded.Bits == address.Bits)
        select address;
}
