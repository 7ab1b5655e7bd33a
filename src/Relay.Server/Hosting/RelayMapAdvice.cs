using Addresses;

namespace Relay.Server.Hosting;

/// <summary>Finds what keeps nodes elsewhere from using the relay map that is printed.</summary>
internal static class RelayMapAdvice
{
    /// <summary>A sentence for each finding, without a full stop.</summary>
    /// <param name="addresses">The addresses in the map.</param>
    /// <param name="certificate">The certificate; null = there is no TLS.</param>
    /// <param name="isInMemory">Says that the certificate is made anew at each start.</param>
    /// <param name="now">The present.</param>
    public static IEnumerable<string> Of(IReadOnlyList<TransportAddress> addresses, ServerCertificate? certificate, bool isInMemory, DateTimeOffset now)
    {
        if (certificate is not null && isInMemory) yield return "it pins a certificate that is gone at the next start: give --key-file, or --tls-cert and --tls-key";
        if (certificate is { IsSelfSigned: false } && addresses.FirstOrDefault(address => certificate.NameAt(address) is null) is { IsValid: true } unnamed)
        {
            yield return $"the certificate names neither {unnamed.ToIPAddress()} nor a host without a wildcard: write the host's name as HostName";
        }

        if (certificate is not null && certificate.Leaf.NotAfter.ToUniversalTime() < now) yield return $"the certificate ran out on {certificate.Leaf.NotAfter.ToUniversalTime():yyyy-MM-dd}: nodes refuse it unless the map pins it";
        if (addresses.FirstOrDefault(address => AddressScopes.ScopeOf(address) == AddressScope.Private) is { IsValid: true } inner)
        {
            yield return $"{inner.ToIPAddress()} is an address of a private network: where nodes are elsewhere, write the public one in its place";
        }
    }
}
