using Node.Traversal;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;

namespace Simulation;

/// <summary>A simulated node's data plane towards one peer, with the parts that the real one has.</summary>
internal sealed class SimPeer
{
    public PathTraffic Traffic { get; } = new();

    public HoldQueue Held { get; } = new();

    public SelectedPath Path { get; set; } = SelectedPath.None;
}
