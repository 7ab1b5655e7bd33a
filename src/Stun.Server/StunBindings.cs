using System.Net.NetworkInformation;
using System.Net.Sockets;
using Addresses;
using Datagrams;

namespace Stun.Server;

/// <summary>
/// The UDP sockets of a server: for each address as many as there are threads, which share its port. The kernel keeps each client with one.
/// </summary>
internal sealed class StunBindings(int threads) : IDisposable
{
    private readonly List<TransportAddress> _order = [];
    private readonly Dictionary<TransportAddress, DatagramSocket[]> _sockets = [];
    private readonly Dictionary<TransportAddress, TransportAddress> _others = []; // Where behaviour discovery is offered: the other address and port.
    private readonly Dictionary<TransportAddress, TransportAddress> _otherPorts = []; // Where there is only another port.

    /// <summary>Everything that is bound, in the order in which it was asked for.</summary>
    public IReadOnlyList<TransportAddress> Addresses => _order;

    /// <summary>Binds an address, if it is not bound.</summary>
    /// <returns>The address with the port that the system chose.</returns>
    /// <exception cref="StunListenException">It is taken or not of this host.</exception>
    public TransportAddress Bind(TransportAddress address, bool dualStack = false) => Bind(address, dualStack, threads);

    private TransportAddress Bind(TransportAddress address, bool dualStack, int sharers)
    {
        if (_sockets.ContainsKey(address)) return address;

        // The first socket does not share: so a port that another program shares out is refused, and not quietly joined.
        DatagramSocket first = BindOne(address, dualStack, isSharing: false);
        TransportAddress bound = first.LocalAddress;
        DatagramSocket[] sockets = new DatagramSocket[OperatingSystem.IsLinux() ? sharers : 1];
        sockets[0] = first;
        _order.Add(bound);
        _sockets[bound] = sockets[..1];
        if (sockets.Length == 1) return bound;

        first.AllowSharing();
        for (int i = 1; i < sockets.Length; i++)
        {
            sockets[i] = BindOne(bound, dualStack, isSharing: true);
            _sockets[bound] = sockets[..(i + 1)]; // What is bound is closed, also when the next one fails.
        }

        return bound;
    }

    /// <summary>Binds the other three of the four addresses between which CHANGE-REQUEST chooses (RFC 5780 §6).</summary>
    /// <param name="primary">The first address, bound already.</param>
    /// <param name="alternate">The second address and port.</param>
    /// <exception cref="StunListenException">One is taken or not of this host.</exception>
    public void BindAlternate(TransportAddress primary, TransportAddress alternate)
    {
        TransportAddress both = Bind(alternate);
        TransportAddress otherPort = Bind(primary.WithPort(both.Port));
        TransportAddress otherAddress = Bind(both.WithPort(primary.Port));
        _others[primary] = both;
        _others[both] = primary;
        _others[otherPort] = otherAddress;
        _others[otherAddress] = otherPort;
    }

    /// <summary>
    /// Binds the port behind an address's own too, so that an answer can leave from there: one socket, for few ask for that. Nothing happens where
    /// the address has an alternate.
    /// </summary>
    /// <param name="primary">The address, bound already.</param>
    /// <param name="dualStack">As it was bound.</param>
    /// <returns>False where that port is not to be had.</returns>
    public bool TryBindNextPort(TransportAddress primary, bool dualStack)
    {
        if (_others.ContainsKey(primary) || _otherPorts.ContainsKey(primary)) return true;
        if (primary.Port == ushort.MaxValue) return false;
        TransportAddress next = primary.WithPort((ushort)(primary.Port + 1));
        try
        {
            Bind(next, dualStack, sharers: 1);
        }
        catch (StunListenException)
        {
            return false;
        }

        _otherPorts[primary] = next;
        _otherPorts.TryAdd(next, primary); // Where it is listed too it may have a next one of its own.
        return true;
    }

    /// <summary>The sockets of every receiver: one receiver for each address and thread.</summary>
    public IEnumerable<StunSockets> ForReceivers()
    {
        foreach (TransportAddress address in _order)
        {
            DatagramSocket[] sockets = _sockets[address];
            for (int thread = 0; thread < sockets.Length; thread++) yield return new StunSockets(sockets[thread], DiscoveryOf(address, thread));
        }
    }

    /// <summary>
    /// Every address and port that leads to this server, as far as it can be known: for a socket bound to all addresses, those that the host has now.
    /// </summary>
    public IEnumerable<TransportAddress> OwnAddresses()
    {
        foreach (TransportAddress address in _order)
        {
            yield return address;
            if (!StunSockets.IsWildcard(address)) continue;
            foreach (TransportAddress host in HostAddresses()) yield return host.WithPort(address.Port);
        }
    }

    public void Dispose()
    {
        foreach (DatagramSocket socket in _sockets.Values.SelectMany(sockets => sockets)) socket.Dispose();
    }

    private static DatagramSocket BindOne(TransportAddress address, bool dualStack, bool isSharing)
    {
        try
        {
            return DatagramSocket.Bind(address, new DatagramSocketOptions
            {
                CountKernelDrops = true,
                DualStack = dualStack,
                ReusePort = isSharing,
                ReportLocalAddress = StunSockets.IsWildcard(address),
            });
        }
        catch (SocketException exception)
        {
            throw new StunListenException($"udp://{address}", exception.SocketErrorCode, exception);
        }
    }

    private DiscoverySockets? DiscoveryOf(TransportAddress address, int thread)
    {
        if (_otherPorts.TryGetValue(address, out TransportAddress otherPort)) return new DiscoverySockets(_sockets[otherPort][0], OtherAddress: null, OtherBoth: null);
        if (!_others.TryGetValue(address, out TransportAddress other)) return null;
        return new DiscoverySockets(
            OtherPort: _sockets[address.WithPort(other.Port)][thread],
            OtherAddress: _sockets[other.WithPort(address.Port)][thread],
            OtherBoth: _sockets[other][thread]);
    }

    private static IEnumerable<TransportAddress> HostAddresses()
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(network => network.GetIPProperties().UnicastAddresses)
                .Select(unicast => TransportAddress.From(unicast.Address, 0));
        }
        catch (NetworkInformationException)
        {
            return []; // Where a sandbox hides them: the address that was asked is still known for each request.
        }
    }
}
