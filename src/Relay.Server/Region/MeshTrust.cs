using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Relay.Server.Region;

/// <summary>Which certificates the other relays of the region may have: pinned ones, or those of the operator's own authority, or of the system's.</summary>
/// <param name="Pins">SHA-256 of certificates (DER), in hexadecimal; one of these is enough, whatever its name.</param>
/// <param name="Authorities">The operator's authorities; empty = the system's.</param>
internal sealed record MeshTrust(IReadOnlyList<string> Pins, X509Certificate2Collection Authorities)
{
    private const string PinPrefix = "sha256-raw:";
    private const int PinLength = 2 * SHA256.HashSizeInBytes;

    /// <summary>Reads a pin as a relay map has it, with or without its prefix; false where it is something else.</summary>
    public static bool TryParsePin(string text, out string pin)
    {
        pin = text.StartsWith(PinPrefix, StringComparison.Ordinal) ? text[PinPrefix.Length..] : text;
        return pin.Length == PinLength && pin.All(char.IsAsciiHexDigit);
    }

    /// <summary>What a connection to <paramref name="host"/> is opened with.</summary>
    public SslClientAuthenticationOptions OptionsFor(string host)
    {
        SslClientAuthenticationOptions options = new() { TargetHost = host };
        if (Pins.Count > 0) options.RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsPinned(certificate) || (Authorities.Count > 0 && errors == SslPolicyErrors.None);
        if (Authorities.Count == 0) return options;
        options.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        options.CertificateChainPolicy.CustomTrustStore.AddRange(Authorities);
        return options;
    }

    private bool IsPinned(X509Certificate? certificate)
    {
        if (certificate is null) return false;
        byte[] hash = SHA256.HashData(certificate.GetRawCertData());
        return Pins.Any(pin => CryptographicOperations.FixedTimeEquals(hash, Convert.FromHexString(pin)));
    }
}
