using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Addresses;

namespace Relay.Server.Hosting;

/// <summary>The certificate of the TLS listeners: from files, or self-signed and in memory.</summary>
internal sealed class ServerCertificate
{
    private static readonly TimeSpan SelfSignedFor = TimeSpan.FromDays(365);
    private static readonly TimeSpan SkewAllowed = TimeSpan.FromDays(1); // A client's clock may be behind.

    private ServerCertificate(X509Certificate2 leaf, X509Certificate2Collection chain, bool isSelfSigned)
    {
        Leaf = leaf;
        Chain = [.. chain];
        IsSelfSigned = isSelfSigned;
        Pin = Convert.ToHexStringLower(SHA256.HashData(leaf.RawData));
        Options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11], // Never h2: an upgrade needs HTTP/1.1.
            AllowRenegotiation = false,
        };
    }

    /// <summary>What every TLS connection is opened with.</summary>
    public SslServerAuthenticationOptions Options { get; }

    /// <summary>The certificate itself, with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>What is served behind it, in order.</summary>
    public IReadOnlyList<X509Certificate2> Chain { get; }

    /// <summary>The SHA-256 of the certificate (DER), in lower-case hexadecimal: what a relay map pins.</summary>
    public string Pin { get; }

    /// <summary>Says that no authority vouches for it, so a relay map must pin it.</summary>
    public bool IsSelfSigned { get; }

    /// <summary>By which name clients that dial an address must know the certificate: the address itself where it names that, else its first host name.</summary>
    /// <returns>Null where it names neither; a wildcard names no host.</returns>
    public string? NameAt(TransportAddress address)
    {
        X509SubjectAlternativeNameExtension? names = Leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault();
        string spelled = address.ToIPAddress().ToString();
        if (names is null) return null; // Who checks names looks nowhere else (RFC 9525 §6.1).
        return names.EnumerateIPAddresses().Any(named => named.ToString() == spelled)
            ? spelled
            : names.EnumerateDnsNames().FirstOrDefault(name => !name.StartsWith('*'));
    }

    /// <summary>Reads a certificate with its chain, and its key, from PEM files.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="CryptographicException">A file holds no PEM, or the key is not the certificate's.</exception>
    public static ServerCertificate FromFiles(string certificatePath, string keyPath)
    {
        X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        X509Certificate2Collection chain = [];
        chain.ImportFromPemFile(certificatePath);
        if (chain.Count > 0) chain.RemoveAt(0); // The first is the leaf.
        return new ServerCertificate(leaf, chain, isSelfSigned: leaf.SubjectName.RawData.AsSpan().SequenceEqual(leaf.IssuerName.RawData));
    }

    /// <summary>Reads the self-signed certificate of an earlier start, with its key; makes both, for their owner's eyes only, where there are none or they have run out.</summary>
    /// <exception cref="IOException">The file cannot be read or made.</exception>
    /// <exception cref="CryptographicException">The file holds something else.</exception>
    public static ServerCertificate ReadOrCreateSelfSigned(string path, IEnumerable<TransportAddress> addresses, DateTimeOffset now)
    {
        if (File.Exists(path))
        {
            X509Certificate2 kept = X509Certificate2.CreateFromPemFile(path);
            if (kept.NotAfter.ToUniversalTime() > now + SkewAllowed) return new ServerCertificate(kept, [], isSelfSigned: true);
            kept.Dispose();
        }

        X509Certificate2 made = Make(addresses, now);
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using StreamWriter file = new(path, options);
        using ECDsa key = made.GetECDsaPrivateKey()!;
        file.Write($"{made.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        return new ServerCertificate(made, [], isSelfSigned: true);
    }

    /// <summary>Makes a self-signed certificate for those addresses, kept nowhere.</summary>
    public static ServerCertificate SelfSigned(IEnumerable<TransportAddress> addresses, DateTimeOffset now) => new(Make(addresses, now), [], isSelfSigned: true);

    /// <summary>The certificate's key (PKCS #8, DER): for whoever opens TLS without the base library. To be wiped after use.</summary>
    /// <exception cref="CryptographicException">The key cannot be had.</exception>
    public byte[] ExportKey()
    {
        using AsymmetricAlgorithm key = (AsymmetricAlgorithm?)Leaf.GetECDsaPrivateKey() ?? Leaf.GetRSAPrivateKey() ?? throw new CryptographicException("The certificate's key is neither ECDSA nor RSA.");
        return key.ExportPkcs8PrivateKey();
    }

    private static X509Certificate2 Make(IEnumerable<TransportAddress> addresses, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=relay", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        foreach (TransportAddress address in addresses.Select(address => address.WithPort(0)).Distinct()) names.AddIpAddress(address.ToIPAddress());
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(now - SkewAllowed, now + SelfSignedFor);
    }
}
