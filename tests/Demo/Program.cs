using Demo;
using NatLab;

const string help = """
    Shows what this project does: two machines behind NATs, a tunnel that no configuration names an endpoint for, and what becomes of it.

      (nothing)     in network namespaces on this machine, with the real programs; without root, as --simulated
      --simulated   in a simulated network and virtual time, with the same decisions but no sockets
    """;

Timeline timeline = new(Console.Out, useColours: !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null);
switch (args)
{
    case []:
        if (LabRequirements.MissingForTunnels is { } missing) return SimulatedStory.Tell(timeline, missing);
        return await new KernelStory(timeline).TellAsync();
    case ["--simulated"]:
        return SimulatedStory.Tell(timeline, reason: null);
    case ["--help"]:
        Console.WriteLine(help);
        return 0;
    default:
        Console.Error.WriteLine($"'{string.Join(' ', args)}' is not understood; --help says what is.");
        return 2;
}
