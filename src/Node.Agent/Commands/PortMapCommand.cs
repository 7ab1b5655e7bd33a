using Node.Agent.PortMapping;
using Node.Traversal;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node portmap</c>: shows what the gateway offers in port mapping. Exit code 0 where a port can be mapped, 1 where not.</summary>
internal sealed class PortMapCommand
{
    private const int NotMapped = 1;

    private readonly OptionKey _json;

    private PortMapCommand(OptionSet options) => _json = options.AddFlag("json", "Prints JSON, for programs.");

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("portmap", "Asks the gateway whether it maps ports (PCP, NAT-PMP), with an unused one.");
        PortMapCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        PortMappingStatus status = await PortMappingDiscovery.RunAsync(stopping);
        await Console.Out.WriteLineAsync(values.Flag(_json) ? PortMappingOutput.Json(status) : PortMappingOutput.Text(status));
        return status.State == PortMappingState.Mapped ? 0 : NotMapped;
    }
}
