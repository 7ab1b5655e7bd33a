using Simulation;

namespace Simulation.Tests;

/// <summary>What nodes are held to. What the oracle names and this lacks is still to be built.</summary>
internal static class Today
{
    private static readonly Method[] StillToBuild = [Method.SequentialPrediction, Method.SmallBlocks];

    public static readonly IReadOnlySet<Method> Methods = Enum.GetValues<Method>().Except(StillToBuild).ToHashSet();
}
