using Addresses;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io;

/// <summary>
/// Asks whether a NAT64 stands in this network, and what its prefix is (RFC 7050). Nobody is asked where packets leave by IPv4: there addresses
/// are used as they are.
/// </summary>
/// <param name="hasIpv4">Says whether there is a way out by IPv4.</param>
/// <param name="lookUp">Looks a name up; empty where it is not found.</param>
/// <param name="time">The clock.</param>
internal sealed class Nat64Lookup(Func<bool> hasIpv4, Func<string, CancellationToken, Task<TransportAddress[]>> lookUp, TimeProvider time)
{
    /// <summary>A name without IPv6 addresses of its own, for this purpose alone.</summary>
    private const string Name = "ipv4only.arpa";

    /// <summary>How long an answer serves: all that is looked up together asks once.</summary>
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(10);

    /// <summary>And how long none does: in a network just come to, the name servers are often the last to be there. Longer than <see cref="Patience"/>.</summary>
    private static readonly TimeSpan KeepNoneFor = TimeSpan.FromSeconds(4);

    /// <summary>How long name servers may take: for so long what has an IPv4 address waits, also where it has an IPv6 one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly Task<Nat64Prefix?> NotKnown = Task.FromResult<Nat64Prefix?>(null);

    private readonly Lock _gate = new();
    private Task<Nat64Prefix?>? _asked;
    private long _askedAt;

    /// <summary>Says that IPv4 addresses are out of reach: there is no way out by IPv4, and no prefix is known.</summary>
    public bool IsMissing
    {
        get
        {
            lock (_gate) return !IsFound && !hasIpv4();
        }
    }

    private bool IsFound => _asked is { IsCompletedSuccessfully: true, Result: not null };

    /// <summary>Finds the prefix; null where there is IPv4, or no NAT64.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public Task<Nat64Prefix?> FindAsync(CancellationToken cancellation)
    {
        if (hasIpv4()) return Task.FromResult<Nat64Prefix?>(null);
        lock (_gate)
        {
            if (_asked is null || time.GetElapsedTime(_askedAt) >= (IsFound ? KeepFor : KeepNoneFor))
            {
                _askedAt = time.GetTimestamp();
                _asked = AskAsync(_asked ?? NotKnown);
            }

            return _asked.WaitAsync(cancellation);
        }
    }

    /// <summary>The network is another one: what was found counts no more.</summary>
    public void Forget()
    {
        lock (_gate) _asked = null;
    }

    /// <summary>
    /// Asks on nobody's behalf alone: who asks first and gives up must not end it for the others. Name servers that fail, or tell several prefixes by
    /// turns, take away none that is in use: relays, STUN servers and peers of IPv4 would be out of reach until the next question.
    /// </summary>
    private async Task<Nat64Prefix?> AskAsync(Task<Nat64Prefix?> before)
    {
        Nat64Prefix? known = before.IsCompletedSuccessfully ? await before : null;
        try
        {
            TransportAddress[] answers = await lookUp(Name, CancellationToken.None).WaitAsync(Patience, time);
            if (known is { } used && answers.Any(used.IsShownBy)) return known;
            return Nat64Prefix.TryFind(answers, out Nat64Prefix prefix) ? prefix : known;
        }
        catch (TimeoutException)
        {
            return known;
        }
    }
}
