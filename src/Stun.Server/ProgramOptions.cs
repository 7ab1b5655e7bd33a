using System.Security.Cryptography;
using Addresses;
using Settings;
using Stun.Server.Streams;

namespace Stun.Server;

/// <summary>The options of <c>stun-server</c>, and what they mean to the server. What cannot be used is an <see cref="OptionException"/>.</summary>
internal static class ProgramOptions
{
    private const int MostRequestsPerSecond = 10_000_000;
    private const int MostConnections = 1_000_000;

    /// <summary>All of them.</summary>
    public static readonly OptionSet Set = new("stun-server", "Tells everyone who asks by which address it sees them (STUN, RFC 8489).", "STUN");

    /// <summary>Where the operator's pages are.</summary>
    public static readonly OptionKey Admin = Set.AddText("admin", "IP:PORT", "Where /healthz, /readyz and /metrics are, over HTTP. By default nowhere.");

    private static readonly OptionKey Listen = Set.AddList(
        "listen", "IP:PORT", $"Where to answer, over UDP. By default loopback, port {StunServerOptions.DefaultPort}.");

    private static readonly OptionKey Alternate = Set.AddList(
        "alternate", "IP:PORT", "A second address with a second port: offers behaviour discovery (RFC 5780) between it and the first --listen address of its family.");

    private static readonly OptionKey ListenTcp = Set.AddList("listen-tcp", "IP:PORT", "Where to answer over TCP. By default nowhere.");

    private static readonly OptionKey ListenTls = Set.AddList("listen-tls", "IP:PORT", "Where to answer over TLS, with --tls-cert and --tls-key. By default nowhere.");

    private static readonly OptionKey TlsCertificate = Set.AddText("tls-cert", "FILE", "The certificate for --listen-tls with its chain, PEM. Read again on SIGHUP.");

    private static readonly OptionKey TlsKey = Set.AddText("tls-key", "FILE", "The certificate's private key, PEM.");

    private static readonly OptionKey Threads = Set.AddText("threads", "N", $"Receiving threads for each UDP address, 1 to {StunServerOptions.MaxThreads}. By default one a core.");

    private static readonly OptionKey Rate = Set.AddText(
        "rate", "N", "Requests a second that a prefix (/24, /56) gets answered, and as many at once; 0 for no limit. Loopback is exempt. Read again on SIGHUP.", $"{StunLimits.DefaultRequestsPerSecond}");

    private static readonly OptionKey Connections = Set.AddText(
        "connections", "N", "TCP and TLS connections at once; a prefix may have an eighth of them. Read again on SIGHUP.", $"{StunLimits.DefaultConnections}");

    /// <summary>The option whose addresses a step binds.</summary>
    public static OptionKey KeyOf(BindingStep step) => step switch
    {
        BindingStep.Listen => Listen,
        BindingStep.Alternate => Alternate,
        BindingStep.Tcp => ListenTcp,
        BindingStep.Tls => ListenTls,
        _ => throw new ArgumentOutOfRangeException(nameof(step)),
    };

    /// <summary>Where the operator's pages are; null for nowhere.</summary>
    public static TransportAddress? AdminAddress(ParsedOptions values) => values.Text(Admin) is { } text ? Address(values, Admin, text) : null;

    /// <summary>What may change while the server runs.</summary>
    public static StunLimits Limits(ParsedOptions values) => new()
    {
        RequestsPerSecond = values.Number(Rate, 0, MostRequestsPerSecond) ?? StunLimits.DefaultRequestsPerSecond,
        Connections = values.Number(Connections, 1, MostConnections) ?? StunLimits.DefaultConnections,
    };

    /// <summary>What the server is started with.</summary>
    public static StunServerOptions ServerOptions(ParsedOptions values)
    {
        var options = new StunServerOptions();
        if (values.IsGiven(Listen)) options = options with { Listen = AddressList(values, Listen) };
        options = options with
        {
            Alternates = AddressList(values, Alternate),
            ListenTcp = AddressList(values, ListenTcp),
            ListenTls = AddressList(values, ListenTls),
            Threads = values.Number(Threads, 1, StunServerOptions.MaxThreads) ?? options.Threads,
            Limits = Limits(values),
        };
        CheckAlternates(values, options);
        return options with { Certificate = Certificate(values, options.ListenTls.Count > 0) };
    }

    private static void CheckAlternates(ParsedOptions values, StunServerOptions options)
    {
        foreach (TransportAddress alternate in options.Alternates)
        {
            string family = alternate.IsIpv4 ? "IPv4" : "IPv6";
            if (options.Alternates.Count(other => other.IsIpv4 == alternate.IsIpv4) > 1) throw Bad($"there are two of {family}", "give one of each family");
            if (StunSockets.IsWildcard(alternate)) throw Bad($"{alternate} is all addresses of this host", "give one of them");
            if (options.Listen.All(address => address.IsIpv4 != alternate.IsIpv4)) throw Bad($"{alternate} has no first address beside it", $"give --listen an {family} address too");

            TransportAddress first = options.Listen.First(address => address.IsIpv4 == alternate.IsIpv4);
            if (StunSockets.IsWildcard(first)) throw Bad($"the first address beside {alternate} is {first}, which is all addresses of this host", "give --listen one of them");
            if (first.WithPort(0) == alternate.WithPort(0)) throw Bad($"{alternate} is the address of --listen {first}", "give a second address of this host");
            if (first.Port == alternate.Port && first.Port != 0) throw Bad($"{alternate} has the port of --listen {first}", "give a second port");
        }

        OptionException Bad(string problem, string remedy) => new(values.SourceOf(Alternate), problem, remedy);
    }

    private static ServerCertificate? Certificate(ParsedOptions values, bool isNeeded)
    {
        if (!isNeeded)
        {
            OptionKey? idle = values.IsGiven(TlsCertificate) ? TlsCertificate : values.IsGiven(TlsKey) ? TlsKey : null;
            return idle is null ? null : throw new OptionException(values.SourceOf(idle), "nothing listens for TLS", "give --listen-tls IP:PORT too, or leave it out");
        }

        string certificate = values.Text(TlsCertificate) ?? throw new OptionException(values.SourceOf(ListenTls), "there is no certificate", "give --tls-cert FILE and --tls-key FILE");
        string key = values.Text(TlsKey) ?? throw new OptionException(values.SourceOf(ListenTls), "there is no key for the certificate", "give --tls-key FILE");
        try
        {
            return new ServerCertificate(certificate, key);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new OptionException(values.SourceOf(TlsCertificate), CertificateProblem.Of(certificate, key, exception), CertificateProblem.Remedy);
        }
    }

    private static TransportAddress[] AddressList(ParsedOptions values, OptionKey key) => [.. values.List(key).Select(text => Address(values, key, text))];

    private static TransportAddress Address(ParsedOptions values, OptionKey key, string text) =>
        TransportAddress.TryParse(text, out TransportAddress address)
            ? address
            : throw new OptionException(values.SourceOf(key), $"'{text}' is not an address with a port", "give IP:PORT, like 127.0.0.1:3478 or [::1]:3478");
}
