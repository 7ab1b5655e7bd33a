namespace Relay.Protocol.Disco;

/// <summary>How far a node is from one region of the relay map, as it says itself.</summary>
/// <param name="RegionId">The region, 1 or more. It need not be in the receiver's map.</param>
/// <param name="Milliseconds">The round trip, 0 to <see cref="MaxMilliseconds"/>.</param>
public readonly record struct RegionLatency(int RegionId, int Milliseconds)
{
    /// <summary>The most regions that a node tells of, and that are heard: the nearest. One that is farther is no better for any pair of this node.</summary>
    public const int MaxRegions = 8;

    /// <summary>The longest round trip that is told or heard, in milliseconds: who is farther away is not there.</summary>
    public const int MaxMilliseconds = 10_000;
}
