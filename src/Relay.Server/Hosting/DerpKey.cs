using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Protocol;
using Relay.Protocol.Handshake;

namespace Relay.Server.Hosting;

/// <summary>Makes the certificate by which clients learn our key inside TLS, anew at each start. Its own key is kept nowhere.</summary>
internal static class DerpKey
{
    private const string UtcTime = "yyMMddHHmmss'Z'";
    private static readonly TimeSpan GoodFor = TimeSpan.FromDays(30); // Before and after: nobody checks, but it should read well.

    public static X509Certificate2 Make(NodeKey relayKey, DateTimeOffset now)
    {
        Span<byte> seed = stackalloc byte[DerpKeyCertificate.SeedLength];
        RandomNumberGenerator.Fill(seed);
        byte[] der = DerpKeyCertificate.Make(relayKey, seed, Time(now - GoodFor), Time(now + GoodFor));
        CryptographicOperations.ZeroMemory(seed);
        return X509CertificateLoader.LoadCertificate(der);
    }

    private static string Time(DateTimeOffset time) => time.ToUniversalTime().ToString(UtcTime, CultureInfo.InvariantCulture);
}
