using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells how addresses and ports are mapped, by asking the server's other addresses from one socket (RFC 5780 §4.3). That socket has asked the
/// server's first address already.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="contact">The socket, the server and what it answered.</param>
/// <param name="done">What comes next.</param>
internal sealed class MappingTest(DiscoveryBench bench, DiscoveryContact contact, Action<Instant> done)
{
    private readonly List<TransportAddress> _seen = [contact.Mapped];

    public MappingBehavior Result { get; private set; }

    /// <summary>The addresses that the socket was seen at, in the order in which the mappings were made.</summary>
    public IReadOnlyList<TransportAddress> Seen => _seen;

    public void Start(Instant now)
    {
        if (contact.IsUntranslated)
        {
            Result = MappingBehavior.EndpointIndependent; // Nothing maps anything.
            done(now);
            return;
        }

        if (!contact.HasOther)
        {
            bench.Note(NatAspect.Mapping, contact.WhyNoOther);
            done(now);
            return;
        }

        bench.Ask(contact.Socket.Id, contact.OtherAddressSamePort, DiscoverySchedules.Further, HandleOtherAddress, now);
    }

    private void HandleOtherAddress(StunOutcome outcome, Instant now)
    {
        if (outcome.Answer is { } answer) _seen.Add(answer.Mapped);
        if (outcome.Answer?.Mapped == contact.Mapped)
        {
            Result = MappingBehavior.EndpointIndependent;
            done(now);
            return;
        }

        bool isSilent = outcome.Answer is null;
        bench.Ask(contact.Socket.Id, contact.Other, DiscoverySchedules.Further, (last, at) => HandleOther(last, isSilent, at), now);
    }

    private void HandleOther(StunOutcome outcome, bool isOtherAddressSilent, Instant now)
    {
        TransportAddress before = _seen[^1];
        if (outcome.Answer is { } answer) _seen.Add(answer.Mapped);
        Result = (outcome.Answer, isOtherAddressSilent) switch
        {
            ({ } last, _) when last.Mapped == contact.Mapped => MappingBehavior.EndpointIndependent,
            ({ } last, false) => last.Mapped == before ? MappingBehavior.AddressDependent : MappingBehavior.AddressAndPortDependent,
            _ => MappingBehavior.Unknown,
        };
        if (Result == MappingBehavior.Unknown)
        {
            bench.Note(NatAspect.Mapping, _seen.Count > 1
                ? "the mapping depends on the destination, but whether on its port too could not be told: the server did not answer from all its addresses"
                : $"the server names {contact.Other} as its other address, but does not answer there");
        }

        done(now);
    }
}
