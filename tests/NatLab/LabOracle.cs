namespace NatLab;

/// <summary>How a pair of NATs is joined.</summary>
public enum LabMethod
{
    /// <summary>Not at all: both are hard, and neither's next port is known.</summary>
    None,

    /// <summary>One end lets in anyone, and answers where the other is seen.</summary>
    Open,

    /// <summary>Neither is hard, and each sends to where the other comes from.</summary>
    SimultaneousOpen,

    /// <summary>The easy one lets in the hard one's address, from whatever port.</summary>
    AddressFilter,

    /// <summary>Both give their ports in sequence, and each foretells the other's next.</summary>
    Prediction,

    /// <summary>Just one is hard: many ports of the one are met by many guesses of the other, or its next port is foretold.</summary>
    Punch,

    /// <summary>Both are hard, and both choose from so few ports that guesses meet.</summary>
    SmallBlocks,
}

/// <summary>What two kinds of NAT allow, from how they are built and nothing that a node believes (the table "who can reach whom").</summary>
public static class LabOracle
{
    /// <summary>Two blocks of ports up to this size meet within the guesses that a router may be asked to bear.</summary>
    private const int SmallBlock = 256;

    /// <summary>The method that joins the pair.</summary>
    public static LabMethod MethodOf(string one, string other)
    {
        NatKind a = AsOne(NatKind.Parse(one));
        NatKind b = AsOne(NatKind.Parse(other));
        if (a.Filtering == NatFiltering.EndpointIndependent || b.Filtering == NatFiltering.EndpointIndependent) return LabMethod.Open;
        return (IsHard(a), IsHard(b)) switch
        {
            (false, false) => LabMethod.SimultaneousOpen,
            (true, true) => BothHard(a, b),
            var (isHardA, _) => (isHardA ? b : a).Filtering == NatFiltering.AddressDependent ? LabMethod.AddressFilter : LabMethod.Punch,
        };
    }

    /// <summary>Says whether a method rests on guesses: now and then it fails, and no single try is held to it.</summary>
    public static bool IsChance(LabMethod method) => method is LabMethod.Punch or LabMethod.SmallBlocks;

    /// <summary>Says whether a pair needs no luck.</summary>
    public static bool IsSurelyDirect(string one, string other) => MethodOf(one, other) is LabMethod.Open or LabMethod.SimultaneousOpen or LabMethod.AddressFilter;

    /// <summary>The code of the verdict that is right at <paramref name="here"/> while the pair is relayed.</summary>
    public static string VerdictAt(string here, string there) => (IsHard(AsOne(NatKind.Parse(here))), IsHard(AsOne(NatKind.Parse(there)))) switch
    {
        (true, true) => "hard_both",
        (true, false) => "hard_here",
        (false, true) => "hard_there",
        _ => "checks_unanswered",
    };

    private static LabMethod BothHard(NatKind a, NatKind b)
    {
        if (a.Mapping == NatMapping.Sequential && b.Mapping == NatMapping.Sequential) return LabMethod.Prediction;
        return IsSmall(a) && IsSmall(b) ? LabMethod.SmallBlocks : LabMethod.None;
    }

    /// <summary>A NAT and the carrier's in front of it as one: the harder mapping, the stricter filter, and the ports that the world sees.</summary>
    private static NatKind AsOne(NatKind kind)
    {
        if (kind.Carrier is not { } carrier) return kind;
        NatFiltering filtering = (NatFiltering)Math.Max((int)kind.Filtering, (int)carrier.Filtering);
        if (IsHard(carrier) || !IsHard(kind)) return carrier with { Filtering = filtering };
        bool areOwnPortsSeen = carrier.Mapping is NatMapping.None or NatMapping.EndpointIndependent;
        return areOwnPortsSeen ? kind with { Filtering = filtering, Carrier = null } : new NatKind(NatMapping.EndpointDependent, filtering) { Ports = carrier.Ports };
    }

    private static bool IsSmall(NatKind kind) => kind.Ports is { } ports && ports.Last - ports.First < SmallBlock;

    private static bool IsHard(NatKind kind) => kind.Mapping is NatMapping.AddressDependent or NatMapping.EndpointDependent or NatMapping.Sequential;
}
