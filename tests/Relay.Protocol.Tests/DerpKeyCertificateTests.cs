using System.Security.Cryptography.X509Certificates;
using Org.BouncyCastle.X509;
using Relay.Protocol.Handshake;

namespace Relay.Protocol.Tests;

public class DerpKeyCertificateTests
{
    private static readonly byte[] Der = DerpKeyCertificate.Make(Golden.Server.PublicKey, new byte[DerpKeyCertificate.SeedLength], "261001000000Z", "261130000000Z");

    [Fact]
    public void It_says_the_key_and_the_version_and_is_signed_by_itself()
    {
        Org.BouncyCastle.X509.X509Certificate certificate = new X509CertificateParser().ReadCertificate(Der);

        Assert.Equal(3, certificate.Version);
        Assert.Equal("2", certificate.SerialNumber.ToString());
        Assert.Equal($"CN=derpkey{Golden.ServerKeyHex}", certificate.SubjectDN.ToString());
        Assert.Equal(certificate.SubjectDN, certificate.IssuerDN);
        Assert.Equal("1.3.101.112", certificate.SigAlgOid);
        Assert.Equal(new DateTime(2026, 10, 1, 0, 0, 0, DateTimeKind.Utc), certificate.NotBefore);
        Assert.Equal(new DateTime(2026, 11, 30, 0, 0, 0, DateTimeKind.Utc), certificate.NotAfter);
        Assert.Equal(-1, certificate.GetBasicConstraints()); // Present, and no authority.
        Assert.Equal(["2.5.29.19"], certificate.GetCriticalExtensionOids());
        certificate.Verify(certificate.GetPublicKey());
    }

    [Fact]
    public void The_platform_reads_it_and_its_name_gives_the_key_back()
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(Der);

        Assert.True(DerpKeyCertificate.TryReadName(certificate.GetNameInfo(X509NameType.SimpleName, false), out NodeKey key));
        Assert.Equal(Golden.Server.PublicKey, key);
        Assert.Equal("02", certificate.SerialNumber);
    }

    [Theory]
    [InlineData("relay.example")]
    [InlineData("derpkey")]
    [InlineData("derpkey12")]
    [InlineData("derpkey0000000000000000000000000000000000000000000000000000000000000000")]
    public void Another_name_is_not_taken_for_one(string name) => Assert.False(DerpKeyCertificate.TryReadName(name, out _));
}
