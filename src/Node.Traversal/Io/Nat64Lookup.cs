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

    /// <summary>How long name servers may take; whoever waits has nothing else to try.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _gate = new();
    private Task<Nat64Prefix?>? _asked;
    private long _askedAt;

    /// <summary>Finds the prefix; null where there is IPv4, or no NAT64.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public Task<Nat64Prefix?> FindAsync(CancellationToken cancellation)
    {
        if (hasIpv4()) return Task.FromResult<Nat64Prefix?>(null);
        lock (_gate)
        {
            if (_asked is null || time.GetElapsedTime(_askedAt) >= KeepFor)
            {
                _askedAt = time.GetTimestamp();
                _asked = AskAsync();
            }

            return _asked.WaitAsync(cancellation);
        }
    }

    /// <summary>The network is another one: what was found counts no more.</summary>
    public void Forget()
    {
        lock (_gate) _asked = null;
    }

    private async Task<Nat64Prefix?> AskAsync()
    {
        try
        {
            // On nobody's behalf alone: who asks first and gives up must not end it for the others.
            return Nat64Prefix.TryFind(await lookUp(Name, CancellationToken.None).WaitAsync(Patience, time), out Nat64Prefix prefix) ? prefix : null;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }
}
