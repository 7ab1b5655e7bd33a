using Addresses;
using Node.Traversal.Messages.NatPmp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>A mapping by NAT-PMP (RFC 6886): the external address is asked for first, which costs the gateway nothing; the mapping only when it is wanted.</summary>
internal sealed class NatPmpClient(TransportAddress local, EntropySource entropy, Queue<byte[]> transmits, PortMapDrops drops)
    : MappingClient(local, RequestSchedule.NatPmp(entropy))
{
    protected override int PatientRequests => 3;

    /// <summary>Takes a datagram of version 0.</summary>
    public void HandleDatagram(ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!NatPmpResponse.TryRead(datagram, out NatPmpResponse response)) { drops.Count(PortMapDrop.Malformed); return; }
        if (response.Opcode == NatPmpOpcode.ExternalAddress) HandleAddress(response, now);
        else if (response.Opcode == NatPmpOpcode.MapUdp) HandleMap(response, now);
        else drops.Count(PortMapDrop.Unasked);
    }

    /// <summary>A gateway that only speaks PCP answers in that protocol that it does not know this one.</summary>
    public bool TryHandleOtherVersion(Instant now)
    {
        if (!IsAsking || Mapped.IsValid) return false;
        Refuse(PortMappingAnswer.Absent, "it speaks only PCP", LongestBackOff, now);
        return true;
    }

    protected override void SendRequest(Instant now) =>
        transmits.Enqueue(IsMapWanted ? NatPmpRequest.MapUdp(Local.Port, Suggested.Port, WantedLifetimeSeconds) : NatPmpRequest.ExternalAddress());

    protected override void SendCheck() => transmits.Enqueue(NatPmpRequest.ExternalAddress());

    protected override void SendDeletion() => transmits.Enqueue(NatPmpRequest.MapUdp(Local.Port, 0, 0));

    private void HandleAddress(NatPmpResponse response, Instant now)
    {
        bool isFirst = IsAsking && !IsMapWanted;
        if (!isFirst && !Mapped.IsValid) { drops.Count(PortMapDrop.Unasked); return; }
        if (response.Result != NatPmpResult.Success)
        {
            if (isFirst) HandleError(response.Result, now);
            return;
        }

        HandleEpoch(response.Epoch, now);
        if (AddressScopes.ScopeOf(response.External) != AddressScope.Global)
        {
            External = response.External;
            Refuse(PortMappingAnswer.NestedNat, DescribeNested(response.External), TimeSpan.Zero, now);
            IsMapWanted = false;
            return;
        }

        bool isAnother = Mapped.IsValid && response.External.Bits != Mapped.Bits;
        External = response.External;
        if (isFirst)
        {
            NoteOffered();
            Rest();
        }
        else if (isAnother) Start(now); // It was given another address: the mapping is asked for again, and told with it.
    }

    private void HandleMap(NatPmpResponse response, Instant now)
    {
        // There is no nonce here: only what is asked for at this moment, or renewed, is taken.
        if (!IsMapWanted || (!IsAsking && !Mapped.IsValid)) { drops.Count(PortMapDrop.Unasked); return; }
        if (response.Result != NatPmpResult.Success) { HandleError(response.Result, now); return; }
        if (response.InternalPort != Local.Port) { drops.Count(PortMapDrop.WrongMapping); return; }

        HandleEpoch(response.Epoch, now);
        Grant(External.WithPort(response.ExternalPort), response.LifetimeSeconds, now);
    }

    private void HandleError(NatPmpResult result, Instant now)
    {
        bool isAbsent = result is NatPmpResult.UnsupportedVersion or NatPmpResult.UnsupportedOpcode;
        string problem = result switch
        {
            NatPmpResult.UnsupportedVersion or NatPmpResult.UnsupportedOpcode => "it does not speak NAT-PMP",
            NatPmpResult.NotAuthorized => "it refused: not authorized",
            NatPmpResult.NetworkFailure => "it refused: it has no external address itself",
            NatPmpResult.OutOfResources => "it refused: no resources",
            _ => $"it refused: result {(ushort)result}",
        };
        Refuse(isAbsent ? PortMappingAnswer.Absent : PortMappingAnswer.Refused, problem, TimeSpan.Zero, now);
        if (!Mapped.IsValid) IsMapWanted = false;
    }
}
