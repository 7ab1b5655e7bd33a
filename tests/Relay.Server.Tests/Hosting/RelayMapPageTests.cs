using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Addresses;
using Relay.Server.Hosting;

namespace Relay.Server.Tests.Hosting;

public sealed class RelayMapPageTests : IDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly TransportAddress Public = TransportAddress.FromIpv4(0xcb007105, 443); // 203.0.113.5.

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-map-").FullName;

    [Fact]
    public void An_authoritys_certificate_is_met_by_its_host_name()
    {
        ServerCertificate certificate = Issue(names => names.AddDnsName("relay.example.com"));

        Assert.Equal("relay.example.com", HostNameIn(certificate));
        Assert.Empty(Advise(certificate, Public));
    }

    [Fact]
    public void One_that_names_the_address_is_met_by_that()
    {
        ServerCertificate certificate = Issue(names =>
        {
            names.AddDnsName("relay.example.com");
            names.AddIpAddress(IPAddress.Parse("203.0.113.5"));
        });

        Assert.Equal("203.0.113.5", HostNameIn(certificate));
    }

    [Fact]
    public void A_wildcard_names_no_host_and_there_is_advice()
    {
        ServerCertificate certificate = Issue(names => names.AddDnsName("*.example.com"));

        Assert.Equal("203.0.113.5", HostNameIn(certificate));
        Assert.Contains("write the host's name as HostName", Assert.Single(Advise(certificate, Public)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_keeps_nodes_elsewhere_away_is_said()
    {
        ServerCertificate pinned = ServerCertificate.SelfSigned([Public], Now);

        Assert.Empty(Advise(pinned, Public));
        Assert.Contains("10.0.0.5 is an address of a private network", Assert.Single(Advise(pinned, TransportAddress.FromIpv4(0x0a000005, 443))), StringComparison.Ordinal);
        Assert.Contains("gone at the next start", Assert.Single(RelayMapAdvice.Of([Public], pinned, isInMemory: true, Now)), StringComparison.Ordinal);
        Assert.Contains("ran out on", Assert.Single(RelayMapAdvice.Of([Public], pinned, isInMemory: false, Now.AddYears(2))), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string[] Advise(ServerCertificate certificate, TransportAddress address) => [.. RelayMapAdvice.Of([address], certificate, isInMemory: false, Now)];

    private static string HostNameIn(ServerCertificate certificate)
    {
        using JsonDocument map = JsonDocument.Parse(RelayMapPage.Write([Public], [], [], certificate));
        JsonElement node = map.RootElement.GetProperty("Regions").GetProperty("900").GetProperty("Nodes")[0];
        Assert.Equal("203.0.113.5", node.GetProperty("IPv4").GetString());
        Assert.False(node.TryGetProperty("CertName", out _));
        return node.GetProperty("HostName").GetString()!;
    }

    /// <summary>A certificate by an authority, as an operator has it in files.</summary>
    private ServerCertificate Issue(Action<SubjectAlternativeNameBuilder> name)
    {
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authorityRequest = new("CN=authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using X509Certificate2 authority = authorityRequest.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(30));

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=relay", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        name(names);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 leaf = request.Create(authority, Now.AddDays(-1), Now.AddDays(29), [1, 2, 3]);

        string file = Path.Combine(_directory, "relay.pem");
        File.WriteAllText(file, $"{leaf.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        return ServerCertificate.FromFiles(file, file);
    }
}
