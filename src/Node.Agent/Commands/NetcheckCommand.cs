using Microsoft.Extensions.Logging.Abstractions;
using Node.Agent.Maps;
using Node.Agent.Netcheck;
using Node.Agent.WireGuard;
using Node.Traversal;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node netcheck</c>: tells what the network here is like, as a node would find it. Exit code 0 where a relay region answers, 1 where none does.</summary>
internal sealed class NetcheckCommand
{
    private const int NobodyAnswered = 1;

    private readonly OptionKey _json;
    private readonly OptionKey _relayMap;
    private readonly OptionKey _conf;
    private readonly OptionKey _proxy;
    private readonly OptionKey _portMapping;

    private NetcheckCommand(OptionSet options)
    {
        _json = options.AddFlag("json", "Prints JSON, for programs.");
        _relayMap = options.AddText("relay-map", "FILE|URL", "The relay map (DERPMap JSON), as a file or by https.");
        _conf = options.AddText("conf", "FILE", "A wg-quick file whose #RelayMap and #RelayProxy are taken where no option says otherwise.");
        _proxy = options.AddText("proxy", "http://[USER:PASSWORD@]HOST:PORT|off", "The HTTP proxy to relays. Without it and #RelayProxy, HTTPS_PROXY and NO_PROXY count.");
        _portMapping = options.AddText("port-mapping", "on|off", "Whether the gateway is asked what it offers in port mapping.", "on");
    }

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("netcheck", "Tells what the network here is like: UDP, NAT, gateway, captive portal, and how far away each relay region is.", failure: "no region answered");
        NetcheckCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        bool isJson = values.Flag(_json);
        bool mapsPort = OnOff.Read(values, _portMapping) ?? true;
        AgentOptions agent = new()
        {
            ConfigFile = values.Text(_conf) ?? "",
            Interface = "",
            SocketPath = "",
            RelayMap = values.Text(_relayMap) is { } map ? RelayMapLocation.Parse(map, values.SourceOf(_relayMap)) : null,
            RelayProxy = RelayProxyChoice.Checked(values, _proxy),
        };
        WireGuardConfig config = values.Text(_conf) is { } file ? WireGuardConfigFile.Load(file) : new WireGuardConfig();
        if (agent.RelayMap is null && config.RelayMap is null) throw new OptionException("--relay-map", "it is missing", "give --relay-map FILE or an https:// URL, or --conf with a wg-quick file that has #RelayMap");

        ProxySettings proxy = agent.ProxyFor(config);
        NetworkCheckOptions options = new() { RelayMap = await LoadAsync(agent.LocateRelayMap(config), proxy, stopping), RelayProxy = proxy, PortMapping = mapsPort };
        NetworkReport report = await NetworkCheck.RunAsync(options, isJson ? null : Console.Error.WriteLine, stopping);
        await Console.Out.WriteLineAsync(isJson ? NetworkJson.Write(report) : NetworkText.Write(report));
        return report.IsAnswered ? 0 : NobodyAnswered;
    }

    private static async Task<RelayMap> LoadAsync(RelayMapLocation location, ProxySettings proxy, CancellationToken cancellation)
    {
        if (location.File is { } file) return RelayMapFile.Load(file, location.Source);
        using RelayMapDownload download = new(
            location, null, (host, port, stopping) => MarkedConnection.OpenAsync(host, port, 0, NullLogger.Instance, stopping), () => proxy, NullLogger.Instance);
        try
        {
            return await download.FetchAsync(cancellation);
        }
        catch (RelayMapException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }
}
