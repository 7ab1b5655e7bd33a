using Addresses;
using Node.Traversal.Messages.Pcp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>A mapping by PCP (RFC 6887).</summary>
internal sealed class PcpClient : MappingClient
{
    private readonly PcpNonce _nonce;
    private readonly EntropySource _entropy;
    private readonly Queue<byte[]> _transmits;
    private readonly PortMapDrops _drops;

    public PcpClient(TransportAddress local, EntropySource entropy, Queue<byte[]> transmits, PortMapDrops drops)
        : base(local, RequestSchedule.Pcp(entropy))
    {
        Span<byte> random = stackalloc byte[PcpNonce.Length];
        entropy(random);
        _nonce = PcpNonce.Read(random); // One for the mapping's whole life: with another, the gateway would neither renew nor delete it (§11.2).
        IsMapWanted = true; // There is nothing that could be asked before.
        _entropy = entropy;
        _transmits = transmits;
        _drops = drops;
    }

    protected override int PatientRequests => 1;

    /// <summary>Takes a datagram of version 2.</summary>
    public void HandleDatagram(ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!PcpResponse.TryRead(datagram, out PcpResponse response)) { _drops.Count(PortMapDrop.Malformed); return; }
        switch (response.Opcode)
        {
            case PcpOpcode.Map when response.Result == PcpResult.UnsupportedVersion && IsAsking:
                Refuse(PortMappingAnswer.Absent, "it does not speak version 2", LongestBackOff, now);
                break;
            case PcpOpcode.Map:
                HandleMap(response, datagram, now);
                break;
            case PcpOpcode.Announce when Mapped.IsValid: // Also where nobody asked: a gateway that has restarted says so (§14.1).
                HandleEpoch(response.Epoch, now);
                break;
            default:
                _drops.Count(PortMapDrop.Unasked);
                break;
        }
    }

    /// <summary>A gateway that only speaks NAT-PMP says so in that protocol (RFC 6886 §3.5).</summary>
    public bool TryHandleOtherVersion(Instant now)
    {
        if (!IsAsking || Mapped.IsValid) return false;
        Refuse(PortMappingAnswer.Absent, "it speaks only NAT-PMP", LongestBackOff, now);
        return true;
    }

    protected override void SendRequest(Instant now) => _transmits.Enqueue(PcpRequest.Map(Local, _nonce, Suggested, WantedLifetimeSeconds));

    protected override void SendCheck() => _transmits.Enqueue(PcpRequest.Announce(Local));

    protected override void SendDeletion() => _transmits.Enqueue(PcpRequest.Map(Local, _nonce, default, 0));

    /// <summary>Between a half and five eighths of the lifetime, so that all clients of a gateway do not come at once (§11.2.1).</summary>
    protected override TimeSpan SpreadOfRenewal(TimeSpan span)
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        _entropy(random);
        return span * (BitConverter.ToUInt32(random) / (double)uint.MaxValue);
    }

    private void HandleMap(PcpResponse response, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!PcpMapping.TryRead(datagram, out PcpMapping mapping)) { _drops.Count(PortMapDrop.Malformed); return; }
        if (mapping.Nonce != _nonce) { _drops.Count(PortMapDrop.WrongNonce); return; }
        if (mapping.Protocol != PcpMapping.Udp || mapping.InternalPort != Local.Port) { _drops.Count(PortMapDrop.WrongMapping); return; }
        if (!IsAsking && !Mapped.IsValid) { _drops.Count(PortMapDrop.Unasked); return; } // The answer to a deletion, or one that came twice.

        HandleEpoch(response.Epoch, now);
        if (response.Result == PcpResult.Success) Grant(mapping.External, response.LifetimeSeconds, now);
        else if (response.Result == PcpResult.AddressMismatch) Refuse(PortMappingAnswer.NestedNat, "there is a NAT between it and us", TimeSpan.Zero, now);
        else Refuse(PortMappingAnswer.Refused, $"it refused: {Spell(response.Result)}", TimeSpan.FromSeconds(response.LifetimeSeconds), now);
    }

    private static string Spell(PcpResult result) => result switch
    {
        PcpResult.NotAuthorized => "not authorized",
        PcpResult.NetworkFailure => "network failure",
        PcpResult.NoResources => "no resources",
        PcpResult.UserExceededQuota => "quota exceeded",
        PcpResult.CannotProvideExternal => "cannot provide that external port",
        PcpResult.UnsupportedOpcode => "it makes no mappings",
        _ => $"result {(byte)result}",
    };
}
