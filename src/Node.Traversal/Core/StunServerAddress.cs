using Addresses;

namespace Node.Traversal.Core;

/// <summary>A STUN server of the relay map, its name looked up.</summary>
/// <param name="RegionId">The region it is in.</param>
/// <param name="Address">Where it listens.</param>
internal readonly record struct StunServerAddress(int RegionId, TransportAddress Address);
