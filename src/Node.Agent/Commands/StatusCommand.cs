using Node.Agent.Control;
using Node.Agent.WireGuard;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node status</c>: asks a running agent how it and its peers stand.</summary>
internal sealed class StatusCommand
{
    private readonly OptionKey _json;
    private readonly OptionKey _interface;
    private readonly OptionKey _socket;

    private StatusCommand(OptionSet options)
    {
        _json = options.AddFlag("json", "Prints JSON, for programs.");
        _interface = options.AddText("interface", "NAME", $"The WireGuard interface whose agent is asked. Without it, the only agent in {ControlDirectory.Default}.");
        _socket = options.AddText("socket", "PATH", "The agent's control socket, where it was started with one of its own.");
    }

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("status", "Shows how each peer is reached, and why not directly where it is not.", failure: "no agent answers");
        StatusCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        string? name = values.Text(_interface);
        if (name is not null && !InterfaceName.IsGood(name)) throw new OptionException(values.SourceOf(_interface), $"'{name}' is no name of an interface", InterfaceName.Remedy);
        string socket = values.Text(_socket) ?? (name is null ? ControlDirectory.FindOnlySocket() : ControlDirectory.FindSocketOf(name));
        string answer = await ControlClient.AskAsync(socket, values.Flag(_json) ? "json" : "text", stopping);
        await Console.Out.WriteLineAsync(answer);
        return 0;
    }
}
