using Relay.Server.Core;
using Settings;

namespace Relay.Server.Hosting;

/// <summary>The options that say how the relay ends.</summary>
internal sealed class DrainOptions(OptionSet options)
{
    private readonly OptionKey _timeout = options.AddText("drain-timeout", "SECONDS", $"How long all clients get to leave on SIGTERM. By default those that can be told where to go get {DrainPlan.SignalTimeout.TotalSeconds:0}, and others nothing.");
    private readonly OptionKey _to = options.AddText("drain-to", "REGION[/MACHINE]", "Where clients of ours are to go, in the words of their map. By default to another of their choice.", "another");

    /// <summary>Reads what a signal means.</summary>
    /// <exception cref="OptionException">A value cannot be used.</exception>
    public DrainPlan Read(ParsedOptions values)
    {
        MoveTarget target = MoveTarget.Parse(values.Text(_to)!)
            ?? throw new OptionException(values.SourceOf(_to), $"'{values.Text(_to)}' is no region", "give its number in the map, like 901, or with a machine, like 901/901b, or 'another'");
        return values.Number(_timeout, 0, (int)DrainPlan.MaxTimeout.TotalSeconds) is { } seconds
            ? new DrainPlan(TimeSpan.FromSeconds(seconds), IsForAll: true, target)
            : new DrainPlan(DrainPlan.SignalTimeout, IsForAll: false, target);
    }
}
