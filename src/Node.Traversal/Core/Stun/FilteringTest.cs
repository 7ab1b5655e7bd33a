using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells what is let in: from a fresh local port, which asks no other address of the server, it wants answers from the server's other address,
/// and from its other port (RFC 5780 §4.4). Silence counts only with a control: the same answers must come where the way was opened before.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="contact">The server.</param>
/// <param name="mapping">What the mapping turned out to be, as far as that is known.</param>
/// <param name="done">What comes next.</param>
internal sealed class FilteringTest(DiscoveryBench bench, DiscoveryContact contact, Func<MappingBehavior> mapping, Action<Instant> done)
{
    private StunOutcome? _fromOther;
    private StunOutcome? _fromOtherPort;
    private const int MaxControls = 3;

    private bool? _isOtherProven;
    private bool? _isOtherPortProven;
    private TransactionId _askedFromOtherPort;
    private int _controls;
    private bool _hasNoControl;
    private bool _hasAskedOnAnother;
    private bool _isDone;

    public FilteringBehavior Result { get; private set; }

    public void Start(Instant now)
    {
        if (contact.HasOther) bench.Open(HandleSocket);
        else EndWithout(contact.WhyNoOther, now);
    }

    private void HandleSocket(DiscoverySocket socket, Instant now) => bench.Ask(socket.Id, contact.Server, DiscoverySchedules.Further, (outcome, at) =>
    {
        if (outcome.Answer is null) EndWithout("the server stopped answering", at);
        else AskForChanges(socket, at);
    }, now);

    private void AskForChanges(DiscoverySocket socket, Instant now)
    {
        bench.AskFrom(contact.Other, socket.Id, contact.Server, DiscoverySchedules.Filtered, HandleFromOther, now);
        bench.Pause(DiscoverySchedules.BetweenChanges, at =>
        {
            if (_isDone) return;
            _askedFromOtherPort = bench.AskFrom(contact.SameAddressOtherPort, socket.Id, contact.Server, DiscoverySchedules.Filtered, HandleFromOtherPort, at);
        }, now);
        bench.Pause(DiscoverySchedules.BeforeControl, StartControl, now);
    }

    private void HandleFromOther(StunOutcome outcome, Instant now)
    {
        _fromOther = outcome;
        if (outcome.Kind == StunOutcomeKind.Answered) End(FilteringBehavior.EndpointIndependent, now);
        else Conclude(now);
    }

    private void HandleFromOtherPort(StunOutcome outcome, Instant now)
    {
        _fromOtherPort = outcome;
        Conclude(now);
    }

    private void Conclude(Instant now)
    {
        if (_isDone) return;
        if (Refusal(_fromOther) is { } refusal)
        {
            EndWithout(refusal, now);
            return;
        }

        if (_fromOther is null || _fromOtherPort is null) return;
        bool isFromOtherPort = _fromOtherPort.Kind == StunOutcomeKind.Answered;
        if (!isFromOtherPort && Refusal(_fromOtherPort) is { } other) EndWithout(other, now);
        else if (IsUnprovable) EndUnproven(isFromOtherPort, now);
        else if (_isOtherProven == false) EndWithout(WhyNotProven(contact.Other), now);
        else if (_isOtherProven == true && isFromOtherPort) End(FilteringBehavior.AddressDependent, now);
        else if (_isOtherPortProven == false) EndWithout(WhyNotProven(contact.SameAddressOtherPort), now);
        else if (_isOtherPortProven == true) End(FilteringBehavior.AddressAndPortDependent, now);
    }

    /// <summary>Where each destination has a mapping of its own, no answer from elsewhere can be let in by asking there first.</summary>
    private bool IsUnprovable => mapping() is MappingBehavior.AddressDependent or MappingBehavior.AddressAndPortDependent || _hasNoControl;

    private static string WhyNotProven(TransportAddress other) => $"the server does not answer from {other}, even where nothing can hold the answer back";

    /// <summary>Silence from a server that has refused, or answered from the wrong place, says nothing of a filter.</summary>
    private static string? Refusal(StunOutcome? outcome) => outcome switch
    {
        { Kind: StunOutcomeKind.Refused } => $"the server refuses to answer from its other address (CHANGE-REQUEST, error {outcome.Error.Number})",
        { Kind: StunOutcomeKind.TimedOut, Elsewhere.IsValid: true } => $"asked to answer from another address (CHANGE-REQUEST), the server answers from {outcome.Elsewhere}",
        { Kind: StunOutcomeKind.NotUnderstood } => "the server's answer to CHANGE-REQUEST could not be understood",
        _ => null,
    };

    /// <summary>A socket that has sent to the other address itself must get the answer from there, or the server never sends one.</summary>
    /// <remarks>
    /// That holds while the socket has one mapping. A NAT that gives one public port to two sockets must part them where they ask the same
    /// server; then another socket is tried.
    /// </remarks>
    private void StartControl(Instant now)
    {
        if (_isDone || IsUnprovable) return;
        if (++_controls > MaxControls)
        {
            _hasNoControl = true;
            Conclude(now);
            return;
        }

        bench.Open((socket, at) => bench.Ask(socket.Id, contact.Server, DiscoverySchedules.Further, (first, then) =>
            bench.Ask(socket.Id, contact.Other, DiscoverySchedules.Further, (other, last) =>
            {
                if (first.Answer is { } one && other.Answer is { } two && one.Mapped != two.Mapped) StartControl(last);
                else ControlOther(socket, last);
            }, then), at));
    }

    private void ControlOther(DiscoverySocket socket, Instant now) => AskThenChange(socket, contact.Other, now, (isProven, at) =>
    {
        if (!isProven && TakeAnother(at)) return;
        _isOtherProven = isProven;
        Conclude(at);
        if (!_isDone && isProven && _fromOtherPort?.Kind != StunOutcomeKind.Answered) ControlPort(socket, at);
    });

    private void ControlPort(DiscoverySocket socket, Instant now) => AskThenChange(socket, contact.SameAddressOtherPort, now, (isProven, at) =>
    {
        if (!isProven && TakeAnother(at)) return;
        _isOtherPortProven = isProven;
        Conclude(at);
    });

    /// <summary>
    /// Begins the control anew on another socket, once. A NAT may have given one public port to this socket and to another one of ours, which
    /// then gets the answer.
    /// </summary>
    private bool TakeAnother(Instant now)
    {
        if (_isDone || _hasAskedOnAnother) return false;
        _hasAskedOnAnother = true;
        StartControl(now);
        return true;
    }

    private void AskThenChange(DiscoverySocket socket, TransportAddress other, Instant now, Action<bool, Instant> next) =>
        bench.Ask(socket.Id, other, DiscoverySchedules.Further, (opened, at) =>
        {
            if (opened.Answer is null) next(false, at);
            else bench.AskFrom(other, socket.Id, contact.Server, DiscoverySchedules.Further, (outcome, then) => next(outcome.Answer is not null, then), at);
        }, now);

    private void EndUnproven(bool isFromOtherPort, Instant now)
    {
        bench.Note(NatAspect.Filtering, "told from silence alone: behind this mapping nothing can prove that the server answers from its other address");
        End(isFromOtherPort ? FilteringBehavior.AddressDependent : FilteringBehavior.AddressAndPortDependent, now);
    }

    private void EndWithout(string why, Instant now)
    {
        bench.Note(NatAspect.Filtering, why);
        End(FilteringBehavior.Unknown, now);
    }

    private void End(FilteringBehavior result, Instant now)
    {
        if (_isDone) return;
        _isDone = true;
        Result = result;
        if (_askedFromOtherPort != default) bench.Cancel(_askedFromOtherPort);
        done(now);
    }
}
