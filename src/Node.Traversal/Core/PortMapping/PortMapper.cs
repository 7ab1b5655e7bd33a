using Addresses;
using Node.Traversal.Messages.Pcp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// Gets the node's UDP port mapped at the gateway, or a pinhole in an IPv6 gateway's firewall: PCP, NAT-PMP (IPv4) and UPnP are asked at once,
/// the first of them that serves is preferred, in this order, and the next takes over where one fails. Sans-IO. The LAN is hostile: only the
/// gateway is listened to, and of that only what answers a request.
/// </summary>
internal sealed class PortMapper(EntropySource entropy)
{
    /// <summary>The port of PCP and NAT-PMP.</summary>
    public const ushort ServerPort = 5351;

    /// <summary>Where gateways announce by multicast that they are new or have changed (RFC 6887 §14.1, RFC 6886 §3.2.1).</summary>
    public const ushort AnnouncePort = 5350;

    /// <summary>How long a gateway that answers a later protocol may take to answer an earlier one before it is mapped by the later.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>All hosts of a network hear an announcement: each asks somewhen within this.</summary>
    private static readonly TimeSpan NoticeSpread = TimeSpan.FromSeconds(1);

    private readonly Queue<byte[]> _transmits = [];
    private readonly UpnpOutput _output = new();
    private TransportAddress _gateway;
    private TransportAddress _local;
    private PcpClient? _pcp;
    private NatPmpClient? _natPmp;
    private UpnpClient? _upnp;
    private MappingClient[] _clients = []; // By preference.
    private bool[] _wereHeld = [];
    private Instant _startedAt;

    /// <summary>Datagrams let go, by reason.</summary>
    public PortMapDrops Drops { get; } = new();

    /// <summary>Where the world reaches the node; not valid while its port is not mapped.</summary>
    public TransportAddress Mapped => _clients.FirstOrDefault(client => client.Mapped.IsValid)?.Mapped ?? default;

    /// <summary>Says that nothing more is to be expected soon: every protocol has answered or counts as silent, and what is offered is held.</summary>
    public bool IsSettled => _clients.All(client => client.Answer != PortMappingAnswer.Asking) && (Mapped.IsValid || _clients.All(client => client.Answer != PortMappingAnswer.Offered));

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout
    {
        get
        {
            Instant next = Instant.Never;
            for (int i = 0; i < _clients.Length; i++)
            {
                next = Instant.Min(next, _clients[i].NextTimeout);
                if (_clients[i].CanMap && !IsHeldBefore(i) && !IsOutBefore(i, Instant.Origin)) next = Instant.Min(next, GraceOf(i));
            }

            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>What the gateway offers.</summary>
    public PortMappingStatus Status
    {
        get
        {
            if (_clients.Length == 0) return PortMappingStatus.NoGateway;
            PortMappingState state = Mapped.IsValid ? PortMappingState.Mapped
                : !IsSettled ? PortMappingState.Asking
                : _clients.Any(client => client.Answer == PortMappingAnswer.NestedNat) ? PortMappingState.NestedNat
                : PortMappingState.NotMapped;
            return new PortMappingStatus(state, _gateway, _local, Mapped, _pcp?.Offer, _natPmp?.Offer, _upnp?.Offer) { OtherRouters = _upnp?.Others ?? [] };
        }
    }

    /// <summary>Takes the gateway and our address on its network; what was known of another is void, and its mapping ends by itself.</summary>
    /// <param name="gateway">The gateway; not valid = there is none.</param>
    /// <param name="local">Our address, of the gateway's family, with the port that is to be mapped.</param>
    /// <param name="now">The present.</param>
    public void HandleNetwork(TransportAddress gateway, TransportAddress local, Instant now)
    {
        HandleRelease();
        _transmits.Clear();
        _output.Clear();
        _gateway = gateway.WithPort(ServerPort);
        _local = local;
        if (!gateway.IsValid) return;

        _pcp = new PcpClient(local, entropy, _transmits, Drops);
        _natPmp = local.IsIpv4 ? new NatPmpClient(local, entropy, _transmits, Drops) : null;
        _upnp = local.IsIpv4 ? new UpnpPortClient(gateway, local, entropy, _output, Drops) : new UpnpPinholeClient(gateway, local, entropy, _output, Drops);
        _clients = _natPmp is null ? [_pcp, _upnp] : [_pcp, _natPmp, _upnp];
        _wereHeld = new bool[_clients.Length];
        _startedAt = now;
        foreach (MappingClient client in _clients) client.Start(now);
        HandleTimeout(now);
    }

    /// <summary>Takes a datagram of the gateway's port 5351.</summary>
    public void HandleDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_pcp is null || source != _gateway) { Drops.Count(PortMapDrop.WrongSource); return; }
        if (datagram.IsEmpty) { Drops.Count(PortMapDrop.Malformed); return; }

        if (IsOtherVersion(datagram))
        {
            if (!(datagram[0] == 0 ? _pcp.TryHandleOtherVersion(now) : _natPmp?.TryHandleOtherVersion(now) ?? false)) Drops.Count(PortMapDrop.Unasked);
        }
        else if (datagram[0] == PcpRequest.Version) _pcp.HandleDatagram(datagram, now);
        else if (datagram[0] == 0 && _natPmp is not null) _natPmp.HandleDatagram(datagram, now);
        else Drops.Count(PortMapDrop.Malformed);
        Settle(now);
    }

    /// <summary>Takes a datagram that came by multicast to <see cref="AnnouncePort"/>: the gateway may have been restarted.</summary>
    public void HandleNotice(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (source != _gateway) { Drops.Count(PortMapDrop.WrongSource); return; }
        if (datagram.Length < 8 || datagram[0] is not (0 or PcpRequest.Version) || datagram[1] != 0x80) { Drops.Count(PortMapDrop.Malformed); return; } // ANNOUNCE, or the external address.

        Span<byte> random = stackalloc byte[sizeof(uint)];
        entropy(random);
        TimeSpan delay = NoticeSpread * (BitConverter.ToUInt32(random) / (double)uint.MaxValue);
        foreach (MappingClient client in _clients) client.HandleNotice(delay, now);
    }

    /// <summary>Takes a datagram that answers a search for routers.</summary>
    public void HandleSearchAnswer(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        _upnp?.HandleSearchAnswer(source, datagram, now);
        Settle(now);
    }

    /// <summary>Takes what became of an HTTP request.</summary>
    public void HandleReply(int id, UpnpReply reply, Instant now)
    {
        _upnp?.HandleReply(id, reply, now);
        Settle(now);
    }

    /// <summary>The gateway says that nobody listens on its port 5351.</summary>
    public void HandleClosed(Instant now)
    {
        _pcp?.HandleClosed(now);
        _natPmp?.HandleClosed(now);
        Settle(now);
    }

    /// <summary>Does what is due.</summary>
    public void HandleTimeout(Instant now)
    {
        foreach (MappingClient client in _clients) client.HandleTimeout(now);
        Settle(now);
    }

    /// <summary>Gives back what is held, and asks no more.</summary>
    public void HandleRelease()
    {
        _output.Requests.Clear(); // What is waiting there would ask for more.
        foreach (MappingClient client in _clients) client.Release();
        _clients = [];
        _pcp = null;
        _natPmp = null;
        _upnp = null;
    }

    /// <summary>Takes the next datagram for the gateway's port 5351.</summary>
    public bool TryDequeueTransmit(out byte[] payload)
    {
        bool isThere = _transmits.TryDequeue(out byte[]? next);
        payload = next ?? [];
        return isThere;
    }

    /// <summary>Takes the next search to be sent.</summary>
    public bool TryDequeueSearch(out UpnpSearch search) => _output.Searches.TryDequeue(out search);

    /// <summary>Takes the next HTTP request.</summary>
    public bool TryDequeueRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out UpnpRequest? request) => _output.Requests.TryDequeue(out request);

    /// <summary>
    /// Who knows only one protocol refuses the other in its own: NAT-PMP's error to PCP's MAP has that opcode (RFC 6886 §3.5), and PCP's to
    /// NAT-PMP's address request has opcode 0, which no answer to a request of ours has but ANNOUNCE's, and that succeeds.
    /// </summary>
    private bool IsOtherVersion(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 4 || (datagram[1] & 0x80) == 0) return false;
        if (datagram[0] == 0) return (datagram[1] & 0x7f) == (byte)PcpOpcode.Map && datagram[2] == 0 && datagram[3] == 1 && _natPmp?.IsMapWanted != true;
        return datagram[0] == PcpRequest.Version && (datagram[1] & 0x7f) == (byte)PcpOpcode.Announce && datagram[3] == (byte)PcpResult.UnsupportedVersion;
    }

    /// <summary>Has the port mapped by the first protocol that offers it, once those before it are out.</summary>
    private void Settle(Instant now)
    {
        for (int i = 0; i < _clients.Length; i++)
        {
            MappingClient client = _clients[i];
            bool isLost = _wereHeld[i] && !client.Mapped.IsValid;
            _wereHeld[i] = client.Mapped.IsValid;
            if (IsHeldBefore(i))
            {
                // It is known what this one offers, and that is enough. A mapping that it holds is kept: to give it back might take the other's away.
                if (!client.Mapped.IsValid && client.Answer != PortMappingAnswer.Asking) client.Rest();
            }
            else if (client.CanMap && IsOutBefore(i, now))
            {
                client.Map(now);
                client.HandleTimeout(now);
            }

            if (isLost) HandleLost(i, now);
        }
    }

    /// <summary>One has lost its mapping: those that rested because of it are asked again, unless they offer one already.</summary>
    private void HandleLost(int lost, Instant now)
    {
        for (int i = lost + 1; i < _clients.Length; i++)
        {
            if (!_clients[i].Mapped.IsValid && !_clients[i].CanMap && _clients[i].Answer != PortMappingAnswer.Asking) _clients[i].Start(now);
        }
    }

    private bool IsHeldBefore(int index) => _clients.Take(index).Any(client => client.Mapped.IsValid);

    private bool IsOutBefore(int index, Instant now)
    {
        if (now >= GraceOf(index)) return true;
        for (int i = 0; i < index; i++)
        {
            if (_clients[i].Answer is PortMappingAnswer.Asking or PortMappingAnswer.Offered) return false;
        }

        return true;
    }

    private Instant GraceOf(int index) => _startedAt + Grace * index;
}
