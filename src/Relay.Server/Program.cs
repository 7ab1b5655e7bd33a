using System.Security.Cryptography;
using Addresses;
using Microsoft.AspNetCore.Connections;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Commands;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Hosting.Reloading;
using Relay.Server.Shards;
using Relay.Server.Telemetry;
using Settings;
using Stun.Server;
using Timing;

namespace Relay.Server;

/// <summary>The program <c>relay-server</c>.</summary>
internal static class Program
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2.5); // A service manager, and our promise, allow five, with the drain before it.

    private static readonly OptionSet Options = new("relay-server", "Relays sealed packets between nodes that know each other's keys (DERP), and answers STUN. 'relay-server token' makes and inspects tokens.", "RELAY");
    private static readonly OptionKey Listen = Options.AddList("listen", "IP:PORT", $"Where to accept clients over TLS. By default 127.0.0.1:{RelayServerOptions.DevelopmentPort}.");
    private static readonly OptionKey ListenPlain = Options.AddList("listen-plain", "IP:PORT", "Where to accept clients over plain HTTP, for use behind a TLS proxy or in tests.");
    private static readonly OptionKey TlsCert = Options.AddText("tls-cert", "PEM", "The certificate and its chain. By default self-signed, in memory; the relay map pins it.");
    private static readonly OptionKey TlsKey = Options.AddText("tls-key", "PEM", "The certificate's private key.");
    private static readonly OptionKey KeyPath = Options.AddText("key-file", "FILE", "The relay's own key, made when missing; derper's file is read as it is. By default a new key at each start.");
    private static readonly OptionKey Stun = Options.AddList("stun", "IP:PORT|off", $"Where to answer STUN over UDP. By default port {StunServerOptions.DefaultPort} of every address that is listened on.");
    private static readonly OptionKey StunDiscovery = Options.AddText("stun-discovery", "on|off", "Whether STUN also answers from the next port (3479), where it is free: so nodes learn what their NATs let in, and for how long.", "on");
    private static readonly OptionKey Admin = Options.AddText("admin", "IP:PORT", "Where /healthz, /readyz and /metrics are.", $"127.0.0.1:{RelayServerOptions.DevelopmentAdminPort}");
    private static readonly OptionKey AdminSecretFile = Options.AddText("admin-secret-file", "FILE", "A file with the secret that the admin pages ask for (Authorization: Bearer). Needed where --admin is not loopback.");
    private static readonly AdmissionArguments Admission = new(Options);
    private static readonly FrontOptionKeys Front = new(Options);
    private static readonly OptionKey Shards = Options.AddText("shards", "NUMBER", "Threads that carry packets. By default one a core; 0 = by the base library's streams, as where there is no Linux or no OpenSSL 3.");
    private static readonly OptionKey Gather = Options.AddText("gather", "MICROSECONDS|off", "How long a shard may wait for more packets before it reads, while that brings packets together.", $"{RelayServerOptions.DefaultGathering.TotalMicroseconds:0}");
    private static readonly LimitOptions Limits = new(Options);
    private static readonly DrainOptions Drain = new(Options);
    private static readonly OptionKey PrintMap = Options.AddFlag("print-map", "Print the relay map that reaches this relay, and end.");

    public static async Task<int> Main(string[] arguments)
    {
        if (arguments.FirstOrDefault() == TokenCommands.Word) return await TokenCommands.RunAsync(arguments[1..]);
        using HangupSignal hangup = new();
        return await ProgramRunner.RunAsync(Options, arguments, (values, stopping) => RunAsync(arguments, values, hangup, stopping));
    }

    private static async Task<int> RunAsync(string[] arguments, ParsedOptions values, HangupSignal hangup, CancellationToken stopping)
    {
        RelayServerOptions options = Read(values);
        ServerCertificate? certificate = ReadCertificate(values, options);
        if (values.Flag(PrintMap)) return await PrintMapAsync(values, options, certificate);

        await using WebApplication app = Build(options, certificate, ReloadLimits(arguments, values), hangup);
        RelayServer relay = app.Services.GetRequiredService<RelayServer>();
        StunServer stun = app.Services.GetRequiredService<StunServer>();
        Bind(values, relay, stun);
        WebPages.Map(app, relay, ActivatorUtilities.CreateInstance<RelayServerMetrics>(app.Services));
        DrainController drain = app.Services.GetRequiredService<DrainController>();
        DrainPage.Map(app, drain);
        await StartAsync(values, app, options, stopping);

        await Console.Error.WriteLineAsync($"The relay map to use:\n{RelayMapPage.Write(Reachable(relay.TlsAddresses), Reachable(relay.PlainAddresses), Reachable(stun.BoundAddresses), certificate)}");
        ReadyLine.Write(
            [.. relay.TlsAddresses.Concat(relay.PlainAddresses).Select(address => $"tcp://{address}"), .. stun.BoundAddresses.Select(address => $"udp://{address}"), .. AdminUrls(app)],
            ("publicKey", options.Keys.PublicKey.ToHex()));
        bool hasFailed = !await IsStoppedAsync(relay, stun, drain.Requested, stopping);
        if (!hasFailed) await drain.RunAsync(stopping);

        using CancellationTokenSource deadline = new(StopTimeout);
        await app.StopAsync(deadline.Token);
        return hasFailed ? 1 : 0;
    }

    private static async Task<int> PrintMapAsync(ParsedOptions values, RelayServerOptions options, ServerCertificate? certificate)
    {
        bool isTls = options.Listen.Count > 0;
        IReadOnlyList<TransportAddress> listen = isTls ? options.Listen : options.ListenPlain;
        if (listen.Any(address => address.Port == 0)) throw new OptionException(values.SourceOf(isTls ? Listen : ListenPlain), "port 0 is another one at each start, so that there is no map of it yet", "give the port");

        await Console.Out.WriteLineAsync(RelayMapPage.Write(Reachable(options.Listen), Reachable(options.ListenPlain), Reachable(options.Stun), certificate));
        foreach (string advice in RelayMapAdvice.Of(Reachable(listen), certificate, options.IsCertificateInMemory, DateTimeOffset.UtcNow)) await Console.Error.WriteLineAsync($"about this map: {advice}.");
        return 0;
    }

    private static RelayServerOptions Read(ParsedOptions values)
    {
        TransportAddress[] plain = Addresses(values, ListenPlain);
        bool isDefault = !values.IsGiven(Listen) && plain.Length == 0;
        TransportAddress[] tls = isDefault ? [Loopback(RelayServerOptions.DevelopmentPort)] : Addresses(values, Listen);
        AdmissionOptions admission = Admission.Read(values);
        foreach ((OptionKey key, TransportAddress address) in tls.Select(address => (Listen, address)).Concat(plain.Select(address => (ListenPlain, address))))
        {
            if (admission.IsSaid || AddressScopes.ScopeOf(address) == AddressScope.Loopback) continue;
            throw new OptionException(values.SourceOf(key), $"{address} is not loopback, and nothing says who may use the relay", "add --admission open to let anybody, or file:PATH, token:JWKS or url:URL to choose; or listen on 127.0.0.1");
        }

        TransportAddress admin = Address(values, Admin, values.Text(Admin)!);
        AdminSecret? secret = ReadSecret(values);
        if (secret is null && AddressScopes.ScopeOf(admin) != AddressScope.Loopback) throw new OptionException(values.SourceOf(Admin), $"{admin} is not loopback, and the admin pages ask for no secret", "add --admin-secret-file FILE, or give an address in 127.0.0.0/8 or [::1]");

        return new RelayServerOptions
        {
            Listen = tls,
            ListenPlain = plain,
            Stun = ReadStun(values, tls, plain),
            StunDiscovery = ReadStunDiscovery(values),
            Admin = admin,
            AdminSecret = secret,
            Keys = ReadKeys(values),
            CertificatePath = values.Text(TlsCert),
            CertificateKeyPath = values.Text(TlsKey),
            IsCertificateInMemory = values.Text(TlsCert) is null && values.Text(KeyPath) is null,
            Front = Front.Read(values),
            // A development relay on loopback is open without a word.
            Admission = admission.IsSaid ? admission : admission with { IsOpen = true },
            IsOpennessSaid = admission.IsOpen,
            Shards = values.Number(Shards, 0, ShardGroup.MaxShards) ?? Environment.ProcessorCount,
            LongestGathering = ReadGathering(values),
            Limits = Limits.Read(values),
            Drain = Drain.Read(values),
            QueueMemoryBytes = Limits.ReadMemory(values, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes),
        };
    }

    private static TimeSpan ReadGathering(ParsedOptions values) => values.Text(Gather) == "off"
        ? TimeSpan.Zero
        : TimeSpan.FromMicroseconds(values.Number(Gather, 1, RelayServerOptions.MaxGatheringMicroseconds)!.Value);

    private static TransportAddress[] ReadStun(ParsedOptions values, TransportAddress[] tls, TransportAddress[] plain)
    {
        if (!values.IsGiven(Stun)) return [.. tls.Concat(plain).Select(address => address.WithPort(StunServerOptions.DefaultPort)).Distinct()];
        return values.List(Stun) is ["off"] ? [] : Addresses(values, Stun);
    }

    private static bool ReadStunDiscovery(ParsedOptions values) => values.Text(StunDiscovery) switch
    {
        "on" => true,
        "off" => false,
        var text => throw new OptionException(values.SourceOf(StunDiscovery), $"'{text}' is neither on nor off", "give on or off"),
    };

    private static AdminSecret? ReadSecret(ParsedOptions values)
    {
        if (values.Text(AdminSecretFile) is not { } path) return null;
        try
        {
            return AdminSecret.Read(path);
        }
        catch (FormatException exception)
        {
            throw new OptionException(values.SourceOf(AdminSecretFile), exception.Message, "give a file with one long random line, for its owner's eyes only");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(values.SourceOf(AdminSecretFile), $"{path} cannot be read: {exception.Message}", "give a file that exists and may be read");
        }
    }

    private static NodeKeyPair ReadKeys(ParsedOptions values)
    {
        if (values.Text(KeyPath) is not { } path) return KeyFile.InMemory();
        try
        {
            return KeyFile.ReadOrCreate(path);
        }
        catch (FormatException exception)
        {
            throw new OptionException(values.SourceOf(KeyPath), $"{path} is no key file: {exception.Message}", "give derper's key file, or a path where there is none yet");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(values.SourceOf(KeyPath), $"{path} cannot be read or made: {exception.Message.TrimEnd('.')}", "give a path in a directory that this program may write");
        }
    }

    private static ServerCertificate? ReadCertificate(ParsedOptions values, RelayServerOptions options)
    {
        if ((options.CertificatePath is null) != (options.CertificateKeyPath is null))
        {
            OptionKey given = options.CertificatePath is null ? TlsKey : TlsCert;
            throw new OptionException(values.SourceOf(given), "a certificate and its key belong together", "give both --tls-cert and --tls-key, or neither");
        }

        if (options.Listen.Count == 0) return null;
        try
        {
            if (options.CertificatePath is null) return SelfSigned(values, options);
            return ServerCertificate.FromFiles(options.CertificatePath, options.CertificateKeyPath!);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            if (options.CertificatePath is { } path) throw new OptionException(values.SourceOf(TlsCert), CertificateProblem.Of(path, options.CertificateKeyPath!, exception), CertificateProblem.Remedy);
            string kept = $"{values.Text(KeyPath)}.tls.pem";
            string problem = File.Exists(kept) ? CertificateProblem.Of(kept, kept, exception) : $"{kept} cannot be made: {exception.Message.TrimEnd('.')}";
            throw new OptionException(values.SourceOf(KeyPath), problem, "remove that file, and it is made anew with another pin, or let this program write beside its key");
        }
    }

    /// <summary>With a key file the certificate is kept beside it, so that a relay map stays good over restarts.</summary>
    private static ServerCertificate SelfSigned(ParsedOptions values, RelayServerOptions options) => values.Text(KeyPath) is { } path
        ? ServerCertificate.ReadOrCreateSelfSigned($"{path}.tls.pem", options.Listen, DateTimeOffset.UtcNow)
        : ServerCertificate.SelfSigned(options.Listen, DateTimeOffset.UtcNow);

    /// <summary>Limits given on the command line or in the environment stay as they are; those of the settings file are read again.</summary>
    private static Func<RelayServer, Reloadable> ReloadLimits(string[] arguments, ParsedOptions values)
    {
        string[] files = values.Text(Options.Config) is { } file ? [file] : [];
        return relay => Reloadable.Of("limits", files, () => relay.SetLimits(Limits.Read(Options.Parse(arguments, ProgramRunner.CurrentEnvironment()))));
    }

    private static WebApplication Build(RelayServerOptions options, ServerCertificate? certificate, Func<RelayServer, Reloadable> limits, HangupSignal hangup)
    {
        // An empty builder reads no environment and no files: the options of the program are all there are.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddRoutingCore();
        MetricsPage.AddTo(builder.Services);
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(new ServerCertificateSource(certificate));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(MonotonicClock.System);
        builder.Services.AddSingleton(options.Admission);
        builder.Services.AddSingleton<RelayCounters>();
        builder.Services.AddSingleton(provider => new PacketRouter(provider.GetRequiredService<RelayCounters>()) { QueueMemory = new QueueMemory(options.QueueMemoryBytes) });
        builder.Services.AddAdmission(options.Admission);
        builder.Services.AddReloading(options);
        builder.Services.AddSingleton(hangup);
        builder.Services.AddSystemd(); // Tells systemd when it is ready and when it stops, where that is who started it.
        builder.Services.AddSingleton(provider => limits(provider.GetRequiredService<RelayServer>()));
        builder.Services.AddSingleton(new AdminGuard(options.AdminSecret));
        builder.Services.AddSingleton<AdminPages>();
        builder.Services.AddSingleton<WebHandoff>();
        builder.Services.AddSingleton<RelayServer>();
        builder.Services.AddHostedService(services => services.GetRequiredService<RelayServer>());
        builder.Services.AddSingleton(options.Drain);
        builder.Services.AddSingleton(Timing.MonotonicClock.System);
        builder.Services.AddSingleton<DrainController>();
        builder.Services.AddStunServer(new StunServerOptions { Listen = options.Stun, UsesNextPort = options.StunDiscovery });
        builder.WebHost.UseKestrelCore().UseSockets().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = WebLimits.MaxBodyLength;
            kestrel.Limits.MaxRequestHeadersTotalSize = WebLimits.MaxHeadLength;
            kestrel.Limits.MaxRequestLineSize = WebLimits.MaxLineLength;
            kestrel.Limits.RequestHeadersTimeout = options.Limits.HandshakeTimeout;
            kestrel.Limits.KeepAliveTimeout = WebLimits.KeepAliveTimeout;
            kestrel.Limits.MaxConcurrentConnections = RelayServerOptions.MaxWebConnections;
            kestrel.Limits.MaxConcurrentUpgradedConnections = RelayServerOptions.MaxWebSockets;
            kestrel.Listen(WebHandoff.Marker);
            foreach (TransportAddress address in options.Front.Http) kestrel.Listen(address.ToIPEndPoint(), RelayPort.MarkHttp);
            kestrel.Listen(options.Admin.ToIPEndPoint());
        });
        builder.Services.AddSingleton<IConnectionListenerFactory>(services => services.GetRequiredService<WebHandoff>()); // Beside the sockets.
        return builder.Build();
    }

    private static void Bind(ParsedOptions values, RelayServer relay, StunServer stun)
    {
        if (relay.Bind() is var (address, isTls, error)) throw ListenProblem.Of(values.SourceOf(isTls ? Listen : ListenPlain), $"tcp://{address}", error);
        try
        {
            stun.Bind();
        }
        catch (StunListenException exception)
        {
            throw new OptionException(values.SourceOf(Stun), exception.Problem, exception.Remedy);
        }
    }

    private static async Task StartAsync(ParsedOptions values, WebApplication app, RelayServerOptions options, CancellationToken stopping)
    {
        try
        {
            await app.StartAsync(stopping);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw WebListenProblem(values, options, System.Net.Sockets.SocketError.AddressAlreadyInUse);
        }
        catch (System.Net.Sockets.SocketException exception)
        {
            throw WebListenProblem(values, options, exception.SocketErrorCode);
        }
    }

    /// <summary>The web server does not say which of its ports was refused; where there is but one, it is that.</summary>
    private static OptionException WebListenProblem(ParsedOptions values, RelayServerOptions options, System.Net.Sockets.SocketError error) => options.Front.Http.Count == 0
        ? ListenProblem.Of(values.SourceOf(Admin), $"tcp://{options.Admin}", error)
        : ListenProblem.Of($"{Front.SourceOfHttp(values)} or {values.SourceOf(Admin)}", string.Join(" or ", options.Front.Http.Append(options.Admin).Select(address => $"tcp://{address}")), error);

    /// <summary>Waits for the signal to stop, or for a drain to be asked for. False when a service has ended by itself: the host has logged why.</summary>
    private static async Task<bool> IsStoppedAsync(RelayServer relay, StunServer stun, Task drain, CancellationToken stopping)
    {
        Task stopped = Task.Delay(Timeout.Infinite, stopping);
        Task stunning = stun.BoundAddresses.Count > 0 && stun.ExecuteTask is { } running ? running : stopped;
        Task first = await Task.WhenAny(relay.ExecuteTask ?? Task.CompletedTask, stunning, stopped, drain);
        return first == stopped || first == drain;
    }

    private static IEnumerable<string> AdminUrls(WebApplication app) =>
        app.Urls.Where(url => url.StartsWith("http://", StringComparison.Ordinal) && Uri.TryCreate(url, UriKind.Absolute, out _)).Select(url => "tcp" + url["http".Length..]);

    /// <summary>The addresses clients can use: a wildcard stands for all the machine has, but loopback and link-local ones.</summary>
    private static TransportAddress[] Reachable(IReadOnlyList<TransportAddress> listen) => [.. listen.SelectMany(address =>
        address.Bits != 0 && address.Ipv4Bits != 0 ? [address] : MachineAddresses().Where(own => own.IsIpv4 == address.IsIpv4).Select(own => own.WithPort(address.Port)))];

    private static IEnumerable<TransportAddress> MachineAddresses() =>
        from network in System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
        from own in network.GetIPProperties().UnicastAddresses
        let address = TransportAddress.From(own.Address, 0)
        where AddressScopes.ScopeOf(address) is AddressScope.Global or AddressScope.Private
        select address;

    private static TransportAddress[] Addresses(ParsedOptions values, OptionKey key) => [.. values.List(key).Select(text => Address(values, key, text))];

    private static TransportAddress Address(ParsedOptions values, OptionKey key, string text) =>
        TransportAddress.TryParse(text, out TransportAddress address)
            ? address
            : throw new OptionException(values.SourceOf(key), $"'{text}' is not an address with a port", "give IP:PORT, like 127.0.0.1:3340 or [::1]:3340");

    private static TransportAddress Loopback(ushort port) => TransportAddress.FromIpv4(0x7f000001, port);
}
