using System.Net.NetworkInformation;
using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Links;

namespace Node.Traversal.Io;

/// <summary>
/// Watches the addresses of this machine's interfaces, the links they are on and by which of them it reaches the world: by the system's notices
/// (netlink on Linux), and by a look now and then where these fail to come. It also notices that the machine has slept.
/// </summary>
internal sealed class LinkMonitor : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    /// <summary>Notices come in bursts while an interface is set up: after the first is looked at once, and again when they have settled.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(100);

    private readonly Action<IReadOnlyList<TransportAddress>> _handle;
    private readonly Action<IReadOnlyList<OwnLink>> _handleLinks;
    private readonly Action _handleChange;
    private readonly Func<uint> _mark;
    private readonly bool _allowLoopback;
    private readonly TimeProvider _time;
    private readonly Faults _faults;
    private readonly Lock _gate = new();
    private readonly SleepWatch _sleep;
    private readonly ITimer _timer;
    private readonly NetlinkNotices? _netlink;
    private volatile IReadOnlyList<TransportAddress> _excluded;
    private IReadOnlyList<TransportAddress> _last = [];
    private IReadOnlyList<OwnLink> _lastLinks = [];
    private (TransportAddress Ipv4, TransportAddress Ipv6) _wayOut;
    private long _lastNotice;

    /// <summary>Starts watching; the addresses there are now are told at once.</summary>
    /// <param name="excluded">Addresses that are not told: those of the WireGuard interface.</param>
    /// <param name="allowLoopback">Says that loopback addresses are told too.</param>
    /// <param name="mark">The firewall mark that leads past the tunnel; 0 = none.</param>
    /// <param name="time">The clock.</param>
    /// <param name="faults">Told of what goes wrong: it costs one look, for nobody stands above a timer.</param>
    /// <param name="handle">Takes the whole list whenever it has changed, if only its order: the most useful first.</param>
    /// <param name="handleLinks">Takes all links that can be named whenever they have changed, if only the addresses there.</param>
    /// <param name="handleChange">Told that the network is another one though the addresses are the same: another way out, or a sleep.</param>
    public LinkMonitor(
        IReadOnlyList<TransportAddress> excluded,
        bool allowLoopback,
        Func<uint> mark,
        TimeProvider time,
        Faults faults,
        Action<IReadOnlyList<TransportAddress>> handle,
        Action<IReadOnlyList<OwnLink>> handleLinks,
        Action handleChange)
    {
        _excluded = excluded;
        _allowLoopback = allowLoopback;
        _mark = mark;
        _time = time;
        _faults = faults;
        _handle = handle;
        _handleLinks = handleLinks;
        _handleChange = handleChange;
        _sleep = new SleepWatch(time);
        _lastNotice = time.GetTimestamp();
        _timer = time.CreateTimer(_ => _faults.TryRun(LookInTurn), null, LookInterval, LookInterval);
        Look(isFirst: true);
        _netlink = NetlinkNotices.Open(() => _faults.TryRun(HandleNotice));
        if (_netlink is null) NetworkChange.NetworkAddressChanged += HandleNotice;
    }

    /// <summary>Other addresses are the WireGuard interface's now.</summary>
    public void Exclude(IReadOnlyList<TransportAddress> addresses)
    {
        _excluded = addresses;
        Look(isFirst: false);
    }

    public async ValueTask DisposeAsync()
    {
        NetworkChange.NetworkAddressChanged -= HandleNotice;
        _netlink?.Dispose();
        await _timer.DisposeAsync();
    }

    private void HandleNotice(object? sender, EventArgs arguments) => _faults.TryRun(HandleNotice);

    private void HandleNotice()
    {
        long now = _time.GetTimestamp();
        bool isFirstOfBurst = _time.GetElapsedTime(Interlocked.Exchange(ref _lastNotice, now), now) >= Settling;
        _timer.Change(Settling, LookInterval);
        if (isFirstOfBurst) Look(isFirst: false);
    }

    private void LookInTurn()
    {
        bool hasSlept;
        lock (_gate) hasSlept = _sleep.HasSlept(LookInterval);
        if (!Look(isFirst: false) && hasSlept) _handleChange();
    }

    /// <summary>Looks, and tells what is new.</summary>
    /// <returns>True where something was.</returns>
    private bool Look(bool isFirst)
    {
        lock (_gate)
        {
            TransportAddress[] found;
            OwnLink[] links;
            (TransportAddress Ipv4, TransportAddress Ipv6) way;
            try
            {
                NetworkInterface[] networks = [.. NetworkInterface.GetAllNetworkInterfaces().Where(network => network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)];
                way = ReadWayOut();
                found = LocalAddresses.InOrder([.. Read(networks)], way.Ipv4, way.Ipv6);
                links = LinkReader.Read(networks.Where(network => !IsExcluded(network)));
            }
            catch (NetworkInformationException)
            {
                return false; // An interface went away while it was read: the next look sees the rest.
            }

            if (!links.SequenceEqual(_lastLinks)) _handleLinks(links);
            _lastLinks = links;
            bool isSameWay = way == _wayOut;
            bool isSameOrder = found.SequenceEqual(_last);
            bool areSame = isSameOrder || found.ToHashSet().SetEquals(_last);
            _wayOut = way;
            _last = found;
            if (!isSameOrder) _handle(found); // Another way out may be among the same addresses, and comes first.
            if (!areSame) return true;
            if (isFirst || isSameWay) return false;
            _handleChange();
            return true;
        }
    }

    private (TransportAddress, TransportAddress) ReadWayOut() => (WayOut.Of(isIpv4: true, _mark()), WayOut.Of(isIpv4: false, _mark()));

    private IEnumerable<LocalAddress> Read(IEnumerable<NetworkInterface> networks) =>
        from network in networks
        from unicast in network.GetIPProperties().UnicastAddresses
        let address = TransportAddress.From(unicast.Address, 0)
        let scope = AddressScopes.ScopeOf(address)
        where scope is AddressScope.Global or AddressScope.Private || (scope == AddressScope.Loopback && _allowLoopback)
        where !IsExcluded(address)
        select new LocalAddress(network.Name, address);

    private bool IsExcluded(NetworkInterface network) => network.GetIPProperties().UnicastAddresses.Any(unicast => IsExcluded(TransportAddress.From(unicast.Address, 0)));

    private bool IsExcluded(TransportAddress address) => _excluded.Any(excluded => excluded.Bits == address.Bits);
}
