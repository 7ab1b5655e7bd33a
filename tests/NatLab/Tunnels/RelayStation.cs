using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace NatLab;

/// <summary>
/// A <c>relay-server</c> that is a region by itself, and the relay map that leads to it and pins its certificate. On the lab's public server its
/// STUN is on both addresses, so that a hard NAT can be told. Its STUN tells no filter; a <see cref="StunStation"/> can take its place.
/// </summary>
public sealed class RelayStation
{
    /// <summary>The region of the public server's relay.</summary>
    public const int RegionId = 900;

    /// <summary>Where the map says that STUN answers, on each address.</summary>
    public const int StunPort = 3478;

    private const int TlsPort = 443;
    private const int HttpPort = 80;
    private const string NoAddress = "none"; // The map's word for a family that is not to be used.

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    private readonly LabHost _host;
    private readonly int _region;
    private readonly string _program;
    private readonly string _keyFile;
    private readonly string _certificateFile;
    private readonly string _certificateKeyFile;
    private LabProcess? _process;

    private RelayStation(Lab lab, LabHost host, int region, string program)
    {
        _host = host;
        _region = region;
        _program = program;
        _keyFile = Path.Combine(lab.Files, $"relay-{region}-node-key.json");
        _certificateFile = Path.Combine(lab.Files, $"relay-{region}.pem");
        _certificateKeyFile = Path.Combine(lab.Files, $"relay-{region}-key.pem");
        MapFile = Path.Combine(lab.Files, $"map-{region}.json");
    }

    /// <summary>The relay map with this region alone, as nodes take it.</summary>
    public string MapFile { get; }

    /// <summary>The server's process, for its log.</summary>
    public LabProcess Process => _process ?? throw new LabException("the relay has not been started");

    private bool HasStun { get; init; } = true;

    /// <summary>Where it answers STUN. The first address has the relay too.</summary>
    private IReadOnlyList<(string IPv4, string? IPv6)> Addresses { get; init; } = [];

    /// <summary>Makes certificate and map, and starts the public server's relay.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="hasStun">False where another program is going to answer at <see cref="StunPort"/>.</param>
    /// <param name="hasIPv6">False for a relay, and a map, of IPv4 addresses alone.</param>
    public static async Task<RelayStation> StartAsync(Lab lab, bool hasStun = true, bool hasIPv6 = true)
    {
        RelayStation station = new(lab, lab.Server, RegionId, await PublishedPrograms.PathOfAsync("relay-server"))
        {
            HasStun = hasStun,
            Addresses = [(Lab.ServerAddress, hasIPv6 ? Lab.ServerAddressIPv6 : null), (Lab.ServerSecondAddress, hasIPv6 ? Lab.ServerSecondAddressIPv6 : null)],
        };
        await station.PrepareAndStartAsync();
        return station;
    }

    /// <summary>Makes certificate and map, and starts a relay on another host, at its IPv4 address.</summary>
    public static async Task<RelayStation> StartAsync(Lab lab, LabHost host, int region)
    {
        RelayStation station = new(lab, host, region, await PublishedPrograms.PathOfAsync("relay-server")) { Addresses = [(host.Address, null)] };
        await station.PrepareAndStartAsync();
        return station;
    }

    /// <summary>Writes one relay map with the regions of several.</summary>
    /// <returns>The file.</returns>
    public static string WriteMap(Lab lab, params IReadOnlyList<RelayStation> stations)
    {
        string file = Path.Combine(lab.Files, "map.json");
        File.WriteAllText(file, MapOf(stations));
        return file;
    }

    /// <summary>Starts the server, for the first time or again; its key and certificate stay the same.</summary>
    public async Task StartAsync()
    {
        (string address, string? addressIPv6) = Addresses[0];
        IEnumerable<string> stun = Addresses.SelectMany(at => new[] { at.IPv4, at.IPv6 is null ? null : $"[{at.IPv6}]" }).OfType<string>();
        _process = _host.Start([
            _program, "--listen", $"{address}:{TlsPort}", "--tls-cert", _certificateFile, "--tls-key", _certificateKeyFile,
            "--key-file", _keyFile, "--admission", "open", "--http", $"{address}:{HttpPort}",
            .. addressIPv6 is null ? Array.Empty<string>() : ["--listen", $"[{addressIPv6}]:{TlsPort}"],
            .. HasStun ? stun.SelectMany(at => new[] { "--stun", $"{at}:{StunPort}" }) : ["--stun", "off"],
        ]);
        await _process.WaitForLineAsync(ProgramReady.IsReadyLine, StartTimeout);
    }

    /// <summary>Ends the server as a crash would.</summary>
    public Task KillAsync() => Process.KillAsync();

    /// <summary>Ends the server as its operator would.</summary>
    /// <returns>True if it stopped in time.</returns>
    public Task<bool> StopAsync() => Process.StopAsync();

    private Task PrepareAndStartAsync()
    {
        using X509Certificate2 certificate = CreateCertificate();
        File.WriteAllText(_certificateFile, certificate.ExportCertificatePem());
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(_certificateKeyFile, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(MapFile, MapOf([this]));
        return StartAsync();
    }

    private X509Certificate2 CreateCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=lab relay", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Parse(Addresses[0].IPv4));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private static string MapOf(IEnumerable<RelayStation> stations) =>
        JsonSerializer.Serialize(new { Regions = stations.ToDictionary(station => $"{station._region}", station => station.DescribeRegion()) });

    private object DescribeRegion() => new
    {
        RegionID = _region,
        RegionCode = "lab",
        RegionName = "Lab",
        Nodes = Addresses.Select((address, i) => i == 0 ? DescribeRelay(address) : DescribeStunOnly(address, i)).ToArray(),
    };

    private object DescribeRelay((string IPv4, string? IPv6) at)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificateFromFile(_certificateFile);
        string pin = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
        return new
        {
            Name = $"{_region}a", RegionID = _region, HostName = at.IPv4, at.IPv4, IPv6 = at.IPv6 ?? NoAddress,
            DERPPort = TlsPort, STUNPort = StunPort, CanPort80 = true, CertName = $"sha256-raw:{pin}",
        };
    }

    private object DescribeStunOnly((string IPv4, string? IPv6) at, int number) => new
    {
        Name = $"{_region}{(char)('a' + number)}", RegionID = _region, HostName = at.IPv4, at.IPv4, IPv6 = at.IPv6 ?? NoAddress,
        STUNPort = StunPort, STUNOnly = true,
    };
}
