using Addresses;
using Node.Traversal.Messages.Pcp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// Gets the node's UDP port mapped at the gateway: PCP and NAT-PMP are asked at once, PCP is preferred, and either takes over where the other
/// fails. Sans-IO. The LAN is hostile: only the gateway's port 5351 is listened to, and of that only what answers a request.
/// </summary>
internal sealed class PortMapper(EntropySource entropy)
{
    /// <summary>Both protocols' port.</summary>
    public const ushort ServerPort = 5351;

    /// <summary>How long a gateway that answers NAT-PMP may take to answer PCP before it is mapped by NAT-PMP.</summary>
    public static readonly TimeSpan PcpGrace = TimeSpan.FromSeconds(1);

    private readonly Queue<byte[]> _transmits = [];
    private TransportAddress _gateway;
    private TransportAddress _local;
    private PcpClient? _pcp;
    private NatPmpClient? _natPmp;
    private Instant _graceEnds;
    private bool _isPcpHeld;

    /// <summary>Datagrams let go, by reason.</summary>
    public PortMapDrops Drops { get; } = new();

    /// <summary>Where the world reaches the node; not valid while its port is not mapped.</summary>
    public TransportAddress Mapped => _pcp?.Mapped is { IsValid: true } mapped ? mapped : _natPmp?.Mapped ?? default;

    /// <summary>Says that nothing more is to be expected soon: there is a mapping, or a reason on either side.</summary>
    public bool IsSettled => _pcp is null || _natPmp is null
        || (_pcp.Answer != PortMappingAnswer.Asking && _natPmp.Answer != PortMappingAnswer.Asking && (Mapped.IsValid || _natPmp.Answer != PortMappingAnswer.Offered));

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout
    {
        get
        {
            if (_pcp is null || _natPmp is null) return null;
            Instant next = Instant.Min(_pcp.NextTimeout, _natPmp.NextTimeout);
            if (_natPmp.CanMap && !_isPcpHeld) next = Instant.Min(next, _graceEnds);
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>What the gateway offers.</summary>
    public PortMappingStatus Status
    {
        get
        {
            if (_pcp is null || _natPmp is null) return PortMappingStatus.NoGateway;
            PortMappingState state = Mapped.IsValid ? PortMappingState.Mapped
                : !IsSettled ? PortMappingState.Asking
                : _pcp.Answer == PortMappingAnswer.NestedNat || _natPmp.Answer == PortMappingAnswer.NestedNat ? PortMappingState.NestedNat
                : PortMappingState.NotMapped;
            return new PortMappingStatus(state, _gateway, _local, Mapped, _pcp.Offer, _natPmp.Offer);
        }
    }

    /// <summary>Takes the gateway and our address on its network; what was known of another is void, and its mapping ends by itself.</summary>
    /// <param name="gateway">The gateway; not valid = there is none.</param>
    /// <param name="local">Our address, with the port that is to be mapped.</param>
    /// <param name="now">The present.</param>
    public void HandleNetwork(TransportAddress gateway, TransportAddress local, Instant now)
    {
        _transmits.Clear();
        _gateway = gateway.WithPort(ServerPort);
        _local = local;
        _pcp = null;
        _natPmp = null;
        _isPcpHeld = false;
        if (!gateway.IsValid) return;

        _pcp = new PcpClient(local, entropy, _transmits, Drops);
        _natPmp = new NatPmpClient(local, entropy, _transmits, Drops);
        _graceEnds = now + PcpGrace;
        _pcp.Start(now);
        _natPmp.Start(now);
        HandleTimeout(now);
    }

    /// <summary>Takes a datagram.</summary>
    public void HandleDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_pcp is null || _natPmp is null || source != _gateway) { Drops.Count(PortMapDrop.WrongSource); return; }
        if (datagram.IsEmpty) { Drops.Count(PortMapDrop.Malformed); return; }

        if (IsOtherVersion(datagram))
        {
            if (!(datagram[0] == 0 ? _pcp.TryHandleOtherVersion(now) : _natPmp.TryHandleOtherVersion(now))) Drops.Count(PortMapDrop.Unasked);
        }
        else if (datagram[0] == PcpRequest.Version) _pcp.HandleDatagram(datagram, now);
        else if (datagram[0] == 0) _natPmp.HandleDatagram(datagram, now);
        else Drops.Count(PortMapDrop.Malformed);
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
        _pcp?.HandleTimeout(now);
        _natPmp?.HandleTimeout(now);
        Settle(now);
    }

    /// <summary>Gives back what is held, and asks no more.</summary>
    public void HandleRelease()
    {
        _pcp?.Release();
        _natPmp?.Release();
        _pcp = null;
        _natPmp = null;
    }

    /// <summary>Takes the next datagram for the gateway.</summary>
    public bool TryDequeueTransmit(out byte[] payload)
    {
        bool isThere = _transmits.TryDequeue(out byte[]? next);
        payload = next ?? [];
        return isThere;
    }

    /// <summary>
    /// Who knows only one protocol refuses the other in its own: NAT-PMP's error to PCP's MAP has that opcode (RFC 6886 §3.5), and PCP's to
    /// NAT-PMP's address request has opcode 0, which no answer to a request of ours has but ANNOUNCE's, and that succeeds.
    /// </summary>
    private bool IsOtherVersion(ReadOnlySpan<byte> datagram)
    {
        if (datagram.Length < 4 || (datagram[1] & 0x80) == 0) return false;
        if (datagram[0] == 0) return (datagram[1] & 0x7f) == (byte)PcpOpcode.Map && datagram[2] == 0 && datagram[3] == 1 && !_natPmp!.IsMapAsked;
        return datagram[0] == PcpRequest.Version && (datagram[1] & 0x7f) == (byte)PcpOpcode.Announce && datagram[3] == (byte)PcpResult.UnsupportedVersion;
    }

    private void Settle(Instant now)
    {
        if (_pcp is null || _natPmp is null) return;
        bool wasPcpHeld = _isPcpHeld;
        _isPcpHeld = _pcp.Mapped.IsValid;
        if (_isPcpHeld && !_natPmp.Mapped.IsValid && _natPmp.Answer != PortMappingAnswer.Asking) _natPmp.Rest(); // It is known what it offers, and that is enough.
        if (wasPcpHeld && !_isPcpHeld && !_natPmp.Mapped.IsValid && !_natPmp.CanMap) _natPmp.Start(now);

        bool isPcpOut = _pcp.Answer != PortMappingAnswer.Asking || now >= _graceEnds;
        if (!_isPcpHeld && _natPmp.CanMap && isPcpOut)
        {
            _natPmp.Map(now);
            _natPmp.HandleTimeout(now);
        }
    }
}
