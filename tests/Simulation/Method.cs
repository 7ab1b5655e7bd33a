namespace Simulation;

/// <summary>A way in which two nodes can come to a direct path.</summary>
public enum Method
{
    /// <summary>Both stand on one link.</summary>
    Lan,

    /// <summary>One can be reached by anybody; the other starts, and is answered where it is seen.</summary>
    Open,

    /// <summary>A router opens a port to everybody for its host.</summary>
    PortMapping,

    /// <summary>Each sends to where the other comes from.</summary>
    SimultaneousOpen,

    /// <summary>The same where a router on the way takes early packets for itself: the first ones must open the way and die before they get there.</summary>
    CarefulOpen,

    /// <summary>The easy side has sent to the hard side's address, and lets in whatever port it comes from.</summary>
    AddressFilter,

    /// <summary>Both stand behind one provider's NAT, and it turns packets round.</summary>
    Hairpin,

    /// <summary>IPv6 at both ends, with or without firewalls.</summary>
    Ipv6,

    /// <summary>The hard side's next port can be foretold.</summary>
    SequentialPrediction,

    /// <summary>Many ports of the hard side are met by many guesses of the easy one.</summary>
    Birthday,

    /// <summary>Both are hard, and both choose from so few ports that guesses meet.</summary>
    SmallBlocks,
}
