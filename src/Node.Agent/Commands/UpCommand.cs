using Microsoft.Extensions.Logging;
using Node.Agent.Control;
using Node.Agent.Maps;
using Node.Agent.WireGuard;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node up CONF</c>: runs an agent in the foreground.</summary>
internal sealed class UpCommand
{
    private static readonly string[] Levels = [nameof(LogLevel.Trace), nameof(LogLevel.Debug), nameof(LogLevel.Information), nameof(LogLevel.Warning), nameof(LogLevel.Error)];

    private readonly OptionKey _conf;
    private readonly OptionKey _interface;
    private readonly OptionKey _relayMap;
    private readonly OptionKey _relayToken;
    private readonly OptionKey _proxy;
    private readonly OptionKey _port;
    private readonly OptionKey _portMapping;
    private readonly OptionKey _advertise;
    private readonly OptionKey _socket;
    private readonly OptionKey _logLevel;

    private UpCommand(OptionSet options)
    {
        _conf = options.AddArgument("conf", "CONF", "The interface's wg-quick file. Its peers without an Endpoint are carried.");
        _interface = options.AddText("interface", "NAME", "The WireGuard interface, which exists already. Without it, the file's name without .conf.");
        _relayMap = options.AddText("relay-map", "FILE|URL", "The relay map (DERPMap JSON), as a file or by https. #RelayMap in [Interface] does the same.");
        _relayToken = options.AddText("relay-token-file", "FILE", "The token for relays that want one, read at each login and when it changes. #RelayTokenFile in [Interface] does the same.");
        _proxy = options.AddText("proxy", "http://[USER:PASSWORD@]HOST:PORT|off", "The HTTP proxy to relays. #RelayProxy in [Interface] does the same; without either, HTTPS_PROXY and NO_PROXY count.");
        _port = options.AddText("port", "N", "The UDP port. Without it, one that follows from the key. #RelayPort in [Interface] does the same.");
        _portMapping = options.AddText("port-mapping", "on|off", "Whether the gateway is asked to map the port (PCP, NAT-PMP, UPnP); on unless #RelayPortMapping in [Interface] says off.");
        _advertise = options.AddText("advertise", "IP:PORT[,…]", "Where the world reaches the UDP port: forwarded by hand, or a cloud's public address. #RelayAdvertise in [Interface] does the same.");
        _socket = options.AddText("socket", "PATH", $"The control socket. Without it, {ControlDirectory.SocketOf("NAME")}.");
        _logLevel = options.AddText("log-level", "LEVEL", "Trace, Debug, Information, Warning or Error.", nameof(LogLevel.Information));
    }

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("up", "Connects the peers of a WireGuard interface, in the foreground.");
        UpCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        using HangupSignal hangup = new();
        AgentOptions options = Read(values);
        LogLevel level = ReadLevel(values);
        using ILoggerFactory loggers = LoggerFactory.Create(logging => logging
            .SetMinimumLevel(level)
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            })
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));

        StateDirectory? state = StateDirectory.Open(out string? problem);
        if (problem is not null) loggers.CreateLogger("relay-node").NoState(problem);

        await using TunnelAgent agent = await TunnelAgent.StartAsync(options, state, loggers, TimeProvider.System, stopping);
        hangup.Listen(agent.AskReload);
        ReadyLine.Write(agent.Listen, ("interface", options.Interface), ("socket", options.SocketPath));
        await agent.RunAsync(stopping);
        return 0;
    }

    private AgentOptions Read(ParsedOptions values)
    {
        string file = values.Required(_conf);
        string name = values.Text(_interface) ?? InterfaceName.FromFile(file);
        if (!InterfaceName.IsGood(name)) throw new OptionException(values.SourceOf(_interface), $"'{name}' is no name of an interface", InterfaceName.Remedy);
        return new AgentOptions
        {
            ConfigFile = file,
            Interface = name,
            SocketPath = values.Text(_socket) ?? ControlDirectory.SocketOf(name),
            RelayMap = values.Text(_relayMap) is { } map ? RelayMapLocation.Parse(map, values.SourceOf(_relayMap)) : null,
            RelayTokenFile = values.Text(_relayToken),
            RelayProxy = RelayProxyChoice.Checked(values, _proxy),
            Port = (ushort?)values.Number(_port, 0, ushort.MaxValue),
            PortMapping = OnOff.Read(values, _portMapping),
            Advertised = AdvertisedAddresses.Read(values, _advertise),
        };
    }

    private LogLevel ReadLevel(ParsedOptions values) =>
        Array.Find(Levels, level => level.Equals(values.Text(_logLevel), StringComparison.OrdinalIgnoreCase)) is { } name
            ? Enum.Parse<LogLevel>(name)
            : throw new OptionException(values.SourceOf(_logLevel), $"'{values.Text(_logLevel)}' is no level", "give Trace, Debug, Information, Warning or Error");
}
