using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells from a server with one address whether the filter looks at ports: a fresh local port asks for an answer from the port behind the one that is asked
/// (CHANGE-REQUEST for the port alone, RFC 5780 §7.2), as a relay of ours gives. Where that comes, a filter that lets in anybody looks like one that lets
/// in the addresses that were sent to: the lesser is told. Silence counts only with a control, as in <see cref="FilteringTest"/>.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="contact">The server, which names no other address.</param>
/// <param name="done">What comes next.</param>
internal sealed class PortFilteringTest(DiscoveryBench bench, DiscoveryContact contact, Action<Instant> done)
{
    private readonly TransportAddress _next = contact.Server.WithPort((ushort)Math.Min(contact.Server.Port + 1, ushort.MaxValue));

    public FilteringBehavior Result { get; private set; }

    public void Start(Instant now)
    {
        if (_next == contact.Server) EndWithout(contact.WhyNoOther, now);
        else bench.Open(HandleSocket);
    }

    private void HandleSocket(DiscoverySocket socket, Instant now) => bench.Ask(socket.Id, contact.Server, DiscoverySchedules.Further, (outcome, at) =>
    {
        if (outcome.Answer is null) EndWithout("the server stopped answering", at);
        else bench.AskFrom(_next, socket.Id, contact.Server, DiscoverySchedules.Filtered, HandleFromNext, at);
    }, now);

    private void HandleFromNext(StunOutcome outcome, Instant now)
    {
        if (outcome.Kind == StunOutcomeKind.Answered) End(FilteringBehavior.AddressDependent, "whether addresses that were not sent to are let in too cannot be told by a server with one address", now);
        else if (outcome is { Kind: StunOutcomeKind.TimedOut, Elsewhere.IsValid: false }) Control(now);
        else EndWithout(contact.WhyNoOther, now); // It refuses, or does not know what it was asked.
    }

    /// <summary>A socket that has sent to the next port itself must get the answer from there, or the server never sends one.</summary>
    private void Control(Instant now) => bench.Open((socket, at) =>
        bench.Ask(socket.Id, contact.Server, DiscoverySchedules.Further, (first, then) =>
            bench.Ask(socket.Id, _next, DiscoverySchedules.Further, (next, last) => Compare(socket, first, next, last), then), at));

    private void Compare(DiscoverySocket socket, StunOutcome first, StunOutcome next, Instant now)
    {
        if (first.Answer is not { } one || next.Answer is not { } two) EndWithout(contact.WhyNoOther, now);
        else if (one.Mapped == two.Mapped) bench.AskFrom(_next, socket.Id, contact.Server, DiscoverySchedules.Further, HandleControl, now);
        else End(FilteringBehavior.AddressAndPortDependent, "told from silence alone: behind this mapping nothing can prove that the server answers from its next port", now);
    }

    private void HandleControl(StunOutcome outcome, Instant now)
    {
        if (outcome.Kind == StunOutcomeKind.Answered) End(FilteringBehavior.AddressAndPortDependent, note: null, now);
        else EndWithout($"the server does not answer from {_next}, even where nothing can hold the answer back", now);
    }

    private void EndWithout(string why, Instant now) => End(FilteringBehavior.Unknown, why, now);

    private void End(FilteringBehavior result, string? note, Instant now)
    {
        if (note is not null) bench.Note(NatAspect.Filtering, note);
        Result = result;
        done(now);
    }
}
