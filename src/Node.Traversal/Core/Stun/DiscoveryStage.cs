namespace Node.Traversal;

/// <summary>What a discovery is waiting for.</summary>
public enum DiscoveryStage
{
    /// <summary>The first answer of the server.</summary>
    Contact,

    /// <summary>Answers of the server's other addresses.</summary>
    Mapping,

    /// <summary>Answers to fresh local ports.</summary>
    PortAllocation,

    /// <summary>A datagram to our own public address.</summary>
    Hairpinning,

    /// <summary>Answers that a filter may hold back.</summary>
    Filtering,
}
