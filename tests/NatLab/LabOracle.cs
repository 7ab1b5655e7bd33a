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

    /// <summary>Both are hard, and one lets in every port of an address that it has sent to: many ports of it are met by many guesses of the other.</summary>
    OpenedPunch,

    /// <summary>Both are hard, and both choose from so few ports that guesses meet.</summary>
    SmallBlocks,
}

/// <summary>What two kinds of NAT allow, from how they are built and nothing that a node believes (the table "who can reach whom").</summary>
public static class LabOracle
{
    /// <summary>Two blocks of ports up to this size meet within the guesses that a router may be asked to bear.</summary>
    private const int SmallBlock = 256;

    /// <summary>NATs give no lower ports than this.</summary>
    private const int FirstPort = 1024;

    /// <summary>Mappings that one attempt may make at a router.</summary>
    private const int Budget = 504;

    /// <summary>Of a small block, what one attempt may take.</summary>
    private const double ShareOfBlock = 0.75;

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

    /// <summary>
    /// How likely one attempt joins the pair, 0 to 1. Where it rests on guesses, some attempts fail, and no single one is held to it: of n ports opened
    /// and k tried, of N that the NAT chooses from, one pair meets with 1 - exp(-nk/N); of two blocks with 1 - exp(-nk/(N·M)) for n and k packets.
    /// </summary>
    public static double OddsOf(string one, string other)
    {
        NatKind a = AsOne(NatKind.Parse(one));
        NatKind b = AsOne(NatKind.Parse(other));
        return MethodOf(one, other) switch
        {
            LabMethod.None => 0,
            LabMethod.Punch => Meet(Budget, Budget, PortsOf(IsHard(a) ? a : b)),
            LabMethod.OpenedPunch => Math.Max(OpenedOdds(opens: a, tries: b), OpenedOdds(opens: b, tries: a)),
            LabMethod.SmallBlocks => Meet(ShareOf(a), ShareOf(b), PortsOf(a) * PortsOf(b)),
            _ => 1,
        };
    }

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
        NatKind[] open = [.. new[] { a, b }.Where(nat => nat.Filtering == NatFiltering.AddressDependent)]; // To wherever the other's packets come from.
        if (open.Any(nat => nat.Mapping == NatMapping.Sequential)) return LabMethod.Prediction;
        if (open.Length > 0) return LabMethod.OpenedPunch;
        return IsSmall(a) && IsSmall(b) ? LabMethod.SmallBlocks : LabMethod.None;
    }

    private static double OpenedOdds(NatKind opens, NatKind tries) =>
        opens.Filtering == NatFiltering.AddressDependent ? Meet(ShareOf(opens), tries.Mapping == NatMapping.AddressDependent ? Budget : ShareOf(tries), PortsOf(opens)) : 0;

    private static double Meet(int opened, int tried, double among) => 1 - Math.Exp(-opened * tried / among);

    private static int ShareOf(NatKind kind) => kind.Ports is null ? Budget : Math.Min(Budget, (int)(PortsOf(kind) * ShareOfBlock));

    private static int PortsOf(NatKind kind) => kind.Ports is { } ports ? ports.Last - ports.First + 1 : ushort.MaxValue + 1 - FirstPort;

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
