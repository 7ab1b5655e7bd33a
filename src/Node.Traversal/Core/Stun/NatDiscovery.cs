using System.Net.Sockets;
using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Finds out by asking one STUN server what NAT or firewall stands before us (RFC 5780, in RFC 4787's words). The first of its addresses that
/// answers is asked everything else. Ends within <see cref="DiscoverySchedules.Limit"/>.
/// </summary>
/// <remarks>
/// First contact; then at the same time the test of the filter, which takes long because it waits for silence, and one after the other those of
/// the mapping, the ports and the hairpin. Each test has local ports of its own where it needs a NAT that does not know it yet.
/// </remarks>
internal sealed class NatDiscovery : IDiscoveryCore
{
    /// <summary>The most addresses of a server that are tried.</summary>
    public const int MaxServers = 4;

    private readonly DiscoveryBench _bench;
    private readonly TransportAddress[] _servers;
    private readonly Dictionary<TransactionId, TransportAddress> _contacting = [];
    private readonly Queue<DiscoveryStage> _stages = new();
    private DiscoverySocket? _first;
    private DiscoveryContact? _contact;
    private MappingTest? _mapping;
    private AllocationTest? _allocation;
    private FilteringTest? _filtering;
    private PortFilteringTest? _portFiltering;
    private HairpinTest? _hairpin;
    private Instant _end = Instant.Never;
    private int _tried;
    private bool _isPortUnreachable;
    private bool _isMapped;
    private bool _isFiltered;

    /// <summary>Prepares a discovery.</summary>
    /// <param name="servers">The server's addresses with its port, of one family; those beyond <see cref="MaxServers"/> are not tried.</param>
    /// <param name="entropy">Where transaction ids come from.</param>
    public NatDiscovery(IReadOnlyList<TransportAddress> servers, EntropySource entropy)
    {
        _servers = [.. servers.Take(MaxServers)];
        _bench = new DiscoveryBench(entropy);
    }

    public bool IsDone => Result is not null;

    public Instant? NextTimeout => Result is not null || _end == Instant.Never ? null : Instant.Min(_end, _bench.NextTimeout ?? _end);

    /// <summary>What was found out; null until the end.</summary>
    public NatBehavior? Result { get; private set; }

    /// <summary>What is known up to now; null before a server has answered. The filter shows last, for it shows by silence.</summary>
    public NatBehavior? SoFar => Result ?? (_contact is { } contact ? WithAnswers(new NatBehavior(), contact) : null);

    public void Start(Instant now)
    {
        _end = now + DiscoverySchedules.Limit;
        _stages.Enqueue(DiscoveryStage.Contact);
        _bench.Open((socket, at) =>
        {
            _first = socket;
            TryNextServer(at);
        });
    }

    public void HandleSocket(SocketId id, TransportAddress local, Instant now) => _bench.HandleSocket(id, local, now);

    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now) =>
        _bench.HandleDatagram(socket, source, datagram, now);

    public void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now) =>
        _bench.HandleProblem(socket, destination, problem, isFinal, now);

    public void HandleTimeout(Instant now)
    {
        if (Result is not null) return;
        if (now >= _end) Finish(isOutOfTime: true);
        else _bench.HandleTimeout(now);
    }

    public bool TryDequeueSocket(out SocketId wanted) => _bench.TryDequeueSocket(out wanted);

    public bool TryDequeueTransmit(out Transmit transmit) => _bench.TryDequeueTransmit(out transmit);

    /// <summary>Something else is being waited for now.</summary>
    public bool TryDequeueEvent(out DiscoveryStage stage) => _stages.TryDequeue(out stage);

    private void TryNextServer(Instant now)
    {
        if (_contact is not null || _tried == _servers.Length) return;
        TransportAddress server = _servers[_tried++];
        TransactionId id = _bench.Ask(_first!.Id, server, DiscoverySchedules.Contact, HandleContact, now);
        _contacting.Add(id, server);
        _bench.Pause(DiscoverySchedules.BetweenServers, TryNextServer, now);
    }

    private void HandleContact(StunOutcome outcome, Instant now)
    {
        if (!_contacting.Remove(outcome.Id, out TransportAddress server)) return;
        if (outcome.Answer is null)
        {
            _isPortUnreachable |= IsPortUnreachable(outcome);
            _bench.Note(NatAspect.Server, WhySilent(outcome, server));
            TryNextServer(now);
            if (_contacting.Count == 0) Finish(isOutOfTime: false);
            return;
        }

        foreach (TransactionId id in _contacting.Keys) _bench.Cancel(id);
        _contact = new DiscoveryContact(_first!, server, outcome.Answer);
        StartTests(_contact, now);
    }

    private void StartTests(DiscoveryContact contact, Instant now)
    {
        if (contact.NamesOther) _filtering = new FilteringTest(_bench, contact, () => _mapping!.Result, _ => HandleFiltered());
        else _portFiltering = new PortFilteringTest(_bench, contact, _ => HandleFiltered());
        _mapping = new MappingTest(_bench, contact, HandleMapped);
        _stages.Enqueue(DiscoveryStage.Mapping);
        _filtering?.Start(now);
        _portFiltering?.Start(now);
        _mapping.Start(now);
    }

    private void HandleMapped(Instant now)
    {
        if (_contact!.IsUntranslated)
        {
            // Asked once more for the time it takes: a program's first answer measures the program.
            _bench.Ask(_first!.Id, _contact.Server, DiscoverySchedules.Further, (_, _) => EndMapped(), now);
            return;
        }

        _stages.Enqueue(DiscoveryStage.PortAllocation);
        _allocation = new AllocationTest(_bench, _contact, HandleAllocated);
        _allocation.Start(now);
    }

    private void HandleAllocated(Instant now)
    {
        if (_allocation!.Last is not { } other)
        {
            EndMapped();
            return;
        }

        if (AddressScopes.ScopeOf(_contact!.Mapped) != AddressScopes.ScopeOf(_contact.Server))
        {
            _bench.Note(NatAspect.Hairpinning, $"{_contact.Mapped} is not an address that could be reached from outside");
            EndMapped();
            return;
        }

        _stages.Enqueue(DiscoveryStage.Hairpinning);
        _hairpin = new HairpinTest(_bench, (_first!, _contact.Mapped), other, _ => EndMapped());
        _hairpin.Start(now);
    }

    private void EndMapped()
    {
        _isMapped = true;
        if (_isFiltered) Finish(isOutOfTime: false);
        else _stages.Enqueue(DiscoveryStage.Filtering);
    }

    private void HandleFiltered()
    {
        _isFiltered = true;
        if (_isMapped) Finish(isOutOfTime: false);
    }

    private void Finish(bool isOutOfTime)
    {
        if (Result is not null) return;
        if (isOutOfTime) NoteWhatIsOpen();
        bool isAllocationOpen = _contact is { IsUntranslated: false } && _allocation?.Result.Pattern is null or PortAllocationPattern.Unknown;
        if (isAllocationOpen) _bench.Note(NatAspect.PortAllocation, "too few requests from fresh ports were answered");
        _bench.Close();
        StunIgnored ignored = _bench.Transactions.Ignored;
        NatBehavior result = new()
        {
            RequestsSent = _bench.Transactions.Requests.Sent,
            RequestsSentAgain = _bench.Transactions.Requests.SentAgain,
            DatagramsIgnored = ignored.Late + ignored.Forged + ignored.FromElsewhere + ignored.Damaged + ignored.NotAnswers,
        };
        Result = (_contact is { } contact ? WithAnswers(result, contact) : result with { IsPortUnreachable = _isPortUnreachable }) with { Notes = [.. _bench.Notes] };
    }

    private NatBehavior WithAnswers(NatBehavior result, DiscoveryContact contact)
    {
        FilteringBehavior filtering = _filtering?.Result ?? _portFiltering?.Result ?? FilteringBehavior.Unknown;
        return result with
        {
            Server = contact.Server,
            Local = contact.Socket.Local,
            Mapped = contact.Mapped,
            Rtt = _bench.LowestRtt,
            Presence = PresenceOf(contact, filtering),
            Mapping = _mapping?.Result ?? MappingBehavior.Unknown,
            Filtering = filtering,
            PortAllocation = contact.IsUntranslated
                ? new PortAllocation(PortAllocationPattern.Preserving, 0, contact.Mapped.Port, contact.Mapped.Port, false)
                : _allocation?.Result ?? default,
            Hairpinning = _hairpin?.Result,
            PublicAddresses = _allocation is { } allocation ? [.. allocation.PublicAddresses] : [contact.Mapped.WithPort(0)],
            OtherAddress = contact.HasOther ? contact.Other : default,
            Software = contact.Answer.Software,
        };
    }

    private static NatPresence PresenceOf(DiscoveryContact contact, FilteringBehavior filtering) => (contact.IsUntranslated, filtering) switch
    {
        (false, _) => NatPresence.Nat,
        (true, FilteringBehavior.EndpointIndependent) => NatPresence.None,
        (true, FilteringBehavior.Unknown) => NatPresence.NoneOrFirewall,
        (true, FilteringBehavior.AddressDependent) when !contact.NamesOther => NatPresence.NoneOrFirewall, // Nobody may be kept out.
        _ => NatPresence.FirewallOnly,
    };

    private void NoteWhatIsOpen()
    {
        if (_contact is null) _bench.Note(NatAspect.Server, "no answer in time");
        else if (!_isFiltered) _bench.Note(NatAspect.Filtering, "the answers took too long");
        if (_contact is not null && _mapping is { Result: MappingBehavior.Unknown } && _allocation is null) _bench.Note(NatAspect.Mapping, "the answers took too long");
        if (_contact is not null && !_isMapped && _hairpin?.Result is null) _bench.Note(NatAspect.Hairpinning, "there was no time left to try");
    }

    private static bool IsPortUnreachable(StunOutcome outcome) => outcome is { Kind: StunOutcomeKind.Unreachable, Problem: SocketError.ConnectionRefused };

    private static string WhySilent(StunOutcome outcome, TransportAddress server) => outcome.Kind switch
    {
        StunOutcomeKind.Refused => $"{server} refuses the request with error {outcome.Error.Number}",
        StunOutcomeKind.NotUnderstood => $"the answer of {server} could not be understood",
        StunOutcomeKind.Unreachable when IsPortUnreachable(outcome) => $"nobody listens at UDP {server} (port unreachable)",
        StunOutcomeKind.Unreachable => $"there is no way to {server} ({outcome.Problem})",
        _ when outcome.Elsewhere.IsValid => $"no answer from {server}, but one from {outcome.Elsewhere}, which was not asked",
        _ when outcome.Problem != SocketError.Success => $"no answer from {server}; the network reported {outcome.Problem}",
        _ => $"no answer from {server} over UDP",
    };
}
