using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace NatLab;

/// <summary>
/// A <c>relay-server</c> on the lab's public server, with STUN on both of its addresses so that a hard NAT can be told, and the relay map that
/// leads to it and pins its certificate. Its STUN tells no filter; a <see cref="StunStation"/> can take its place.
/// </summary>
public sealed class RelayStation
{
    public const int RegionId = 900;

    /// <summary>Where the map says that STUN answers, on both addresses.</summary>
    public const int StunPort = 3478;

    private const int TlsPort = 443;
    private const int HttpPort = 80;

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    private readonly Lab _lab;
    private readonly string _program;
    private readonly string _certificateFile;
    private readonly string _certificateKeyFile;
    private readonly bool _hasStun;
    private LabProcess? _process;

    private RelayStation(Lab lab, string program, bool hasStun)
    {
        _lab = lab;
        _program = program;
        _hasStun = hasStun;
        _certificateFile = Path.Combine(lab.Files, "relay.pem");
        _certificateKeyFile = Path.Combine(lab.Files, "relay-key.pem");
        MapFile = Path.Combine(lab.Files, "map.json");
    }

    /// <summary>The relay map, as nodes take it.</summary>
    public string MapFile { get; }

    /// <summary>The server's process, for its log.</summary>
    public LabProcess Process => _process ?? throw new LabException("the relay has not been started");

    /// <summary>Makes certificate and map, and starts the server.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="hasStun">False where another program is going to answer at <see cref="StunPort"/>.</param>
    public static async Task<RelayStation> StartAsync(Lab lab, bool hasStun = true)
    {
        RelayStation station = new(lab, await PublishedPrograms.PathOfAsync("relay-server"), hasStun);
        station.Prepare();
        await station.StartAsync();
        return station;
    }

    /// <summary>Starts the server, for the first time or again; its key and certificate stay the same.</summary>
    public async Task StartAsync()
    {
        string[] stun =
        [
            "--stun", $"{Lab.ServerAddress}:{StunPort}", "--stun", $"{Lab.ServerSecondAddress}:{StunPort}",
            "--stun", $"[{Lab.ServerAddressIPv6}]:{StunPort}", "--stun", $"[{Lab.ServerSecondAddressIPv6}]:{StunPort}",
        ];
        _process = _lab.Server.Start([
            _program, "--listen", $"{Lab.ServerAddress}:{TlsPort}", "--tls-cert", _certificateFile, "--tls-key", _certificateKeyFile,
            "--key-file", Path.Combine(_lab.Files, "relay-node-key.json"), "--admission", "open",
            "--listen", $"[{Lab.ServerAddressIPv6}]:{TlsPort}", "--http", $"{Lab.ServerAddress}:{HttpPort}",
            .. _hasStun ? stun : ["--stun", "off"],
        ]);
        await _process.WaitForLineAsync(ProgramReady.IsReadyLine, StartTimeout);
    }

    /// <summary>Ends the server as a crash would.</summary>
    public Task KillAsync() => Process.KillAsync();

    /// <summary>Ends the server as its operator would.</summary>
    /// <returns>True if it stopped in time.</returns>
    public Task<bool> StopAsync() => Process.StopAsync();

    private void Prepare()
    {
        using X509Certificate2 certificate = CreateCertificate();
        File.WriteAllText(_certificateFile, certificate.ExportCertificatePem());
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(_certificateKeyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(MapFile, MapWith(Convert.ToHexStringLower(SHA256.HashData(certificate.RawData))));
    }

    private static X509Certificate2 CreateCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=lab relay", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Parse(Lab.ServerAddress));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static string MapWith(string pin) => JsonSerializer.Serialize(new
    {
        Regions = new Dictionary<string, object>
        {
            [$"{RegionId}"] = new
            {
                RegionID = RegionId,
                RegionCode = "lab",
                RegionName = "Lab",
                Nodes = new object[]
                {
                    new
                    {
                        Name = $"{RegionId}a", RegionID = RegionId, HostName = Lab.ServerAddress, IPv4 = Lab.ServerAddress, IPv6 = Lab.ServerAddressIPv6,
                        DERPPort = TlsPort, STUNPort = StunPort, CanPort80 = true, CertName = $"sha256-raw:{pin}",
                    },
                    new
                    {
                        Name = $"{RegionId}b", RegionID = RegionId, HostName = Lab.ServerSecondAddress, IPv4 = Lab.ServerSecondAddress, IPv6 = Lab.ServerSecondAddressIPv6,
                        STUNPort = StunPort, STUNOnly = true,
                    },
                },
            },
        },
    });
}
