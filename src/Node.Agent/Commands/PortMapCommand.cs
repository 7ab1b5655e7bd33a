using Node.Agent.PortMapping;
using Node.Traversal;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node portmap</c>: shows what the gateways offer in port mapping and IPv6 pinholes. Exit code 0 where there is one, 1 where not.</summary>
internal sealed class PortMapCommand
{
    private const int NotMapped = 1;

    private readonly OptionKey _json;

    private PortMapCommand(OptionSet options) => _json = options.AddFlag("json", "Prints JSON, for programs.");

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("portmap", "Asks the gateways whether they map ports (PCP, NAT-PMP, UPnP) or make IPv6 pinholes, with an unused port.", failure: "neither a port nor a pinhole is to be had");
        PortMapCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        PortMappingStatus status = await PortMappingDiscovery.RunAsync(stopping);
        await Console.Out.WriteLineAsync(values.Flag(_json) ? PortMappingOutput.Json(status) : PortMappingOutput.Text(status));
        return status.State == PortMappingState.Mapped || status.Pinhole?.State == PortMappingState.Mapped ? 0 : NotMapped;
    }
}
