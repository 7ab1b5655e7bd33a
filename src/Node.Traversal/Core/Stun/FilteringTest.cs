using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells what is let in: from a fresh local port, which asks no other address of the server, it wants answers from the server's other address,
/// and from its other port (RFC 5780 §4.4). Silence counts only after a control: the same answers must come where the way was opened before.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="contact">The server.</param>
/// <param name="mapping">What the mapping turned out to be; asked when both answers are in or given up.</param>
/// <param name="done">What comes next.</param>
internal sealed class FilteringTest(DiscoveryBench bench, DiscoveryContact contact, Func<MappingBehavior> mapping, Action<Instant> done)
{
    private StunOutcome? _fromOther;
    private StunOutcome? _fromOtherPort;
    private TransactionId _askedFromOtherPort;
    private bool _isDone;

    public FilteringBehavior Result { get; private set; }

    /// <summary>Says that silence is being waited for, which takes its time.</summary>
    public bool IsListening { get; private set; }

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
        IsListening = true;
        bench.AskFrom(contact.Other, socket.Id, contact.Server, DiscoverySchedules.Filtered, HandleFromOther, now);
        bench.Pause(DiscoverySchedules.BetweenChanges, at =>
        {
            if (_isDone) return;
            _askedFromOtherPort = bench.AskFrom(contact.SameAddressOtherPort, socket.Id, contact.Server, DiscoverySchedules.Filtered, HandleFromOtherPort, at);
        }, now);
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
        if (_fromOtherPort.Kind != StunOutcomeKind.Answered && Refusal(_fromOtherPort) is { } other) EndWithout(other, now);
        else if (mapping() is MappingBehavior.AddressDependent or MappingBehavior.AddressAndPortDependent) EndUnproven(now);
        else bench.Open(Control);
    }

    /// <summary>Silence from a server that has refused, or answered from the wrong place, says nothing of a filter.</summary>
    private static string? Refusal(StunOutcome? outcome) => outcome switch
    {
        { Kind: StunOutcomeKind.Refused } => $"the server refuses to answer from its other address (CHANGE-REQUEST, error {outcome.Error.Number})",
        { Kind: StunOutcomeKind.TimedOut, Elsewhere.IsValid: true } => $"asked to answer from another address (CHANGE-REQUEST), the server answers from {outcome.Elsewhere}",
        { Kind: StunOutcomeKind.NotUnderstood } => "the server's answer to CHANGE-REQUEST could not be understood",
        _ => null,
    };

    /// <summary>A socket that has sent to the other address itself must get the answer from there, or the server never sends one.</summary>
    private void Control(DiscoverySocket socket, Instant now) => AskThenChange(socket, contact.Other, now, (hasOther, at) =>
    {
        if (!hasOther) EndWithout($"the server does not answer from {contact.Other}, even where nothing can hold the answer back", at);
        else if (_fromOtherPort?.Kind == StunOutcomeKind.Answered) End(FilteringBehavior.AddressDependent, at);
        else AskThenChange(socket, contact.SameAddressOtherPort, at, HandlePortControl);
    });

    private void HandlePortControl(bool hasOtherPort, Instant now)
    {
        if (hasOtherPort) End(FilteringBehavior.AddressAndPortDependent, now);
        else EndWithout($"the server does not answer from {contact.SameAddressOtherPort}, even where nothing can hold the answer back", now);
    }

    private void AskThenChange(DiscoverySocket socket, TransportAddress other, Instant now, Action<bool, Instant> next) =>
        bench.Ask(socket.Id, other, DiscoverySchedules.Further, (opened, at) =>
        {
            if (opened.Answer is null) next(false, at);
            else bench.AskFrom(other, socket.Id, contact.Server, DiscoverySchedules.Further, (outcome, then) => next(outcome.Answer is not null, then), at);
        }, now);

    /// <summary>Where each destination has a mapping of its own, no answer from elsewhere can be let in by asking there first: there is no control.</summary>
    private void EndUnproven(Instant now)
    {
        bench.Note(NatAspect.Filtering, "told from silence alone: behind this mapping nothing can prove that the server answers from its other address");
        End(_fromOtherPort?.Kind == StunOutcomeKind.Answered ? FilteringBehavior.AddressDependent : FilteringBehavior.AddressAndPortDependent, now);
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
        IsListening = false;
        Result = result;
        if (_askedFromOtherPort != default) bench.Cancel(_askedFromOtherPort);
        done(now);
    }
}
