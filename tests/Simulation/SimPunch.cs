namespace Simulation;

/// <summary>What became of punching a hole, in the node's own words.</summary>
public readonly record struct SimPunch(string Method, string Result);
