namespace NatLab;

/// <summary>What two kinds of NAT allow, from how they are built and nothing that a node believes (the table "who can reach whom").</summary>
public static class LabOracle
{
    /// <summary>
    /// Says whether a pair needs no luck: one end lets in anyone; or neither is hard, and each sends to where the other comes from; or the easy
    /// one lets in the hard one's address from any port.
    /// </summary>
    public static bool IsSurelyDirect(string one, string other)
    {
        NatKind a = Outermost(one);
        NatKind b = Outermost(other);
        if (a.Filtering == NatFiltering.EndpointIndependent || b.Filtering == NatFiltering.EndpointIndependent) return true;
        if (!IsHard(a) && !IsHard(b)) return true;
        return IsHard(a) != IsHard(b) && (IsHard(a) ? b : a).Filtering == NatFiltering.AddressDependent;
    }

    /// <summary>Says whether a birthday punch or a prediction joins the pair: just one end is hard.</summary>
    public static bool IsDirectByPunching(string one, string other) => IsHard(Outermost(one)) != IsHard(Outermost(other));

    private static NatKind Outermost(string nat)
    {
        NatKind kind = NatKind.Parse(nat);
        if (kind.Carrier is not { } carrier) return kind;
        // Of two in a row the worse of each counts.
        NatMapping mapping = IsHard(kind) ? kind.Mapping : carrier.Mapping;
        return new NatKind(mapping, (NatFiltering)Math.Max((int)kind.Filtering, (int)carrier.Filtering));
    }

    private static bool IsHard(NatKind kind) => kind.Mapping is NatMapping.AddressDependent or NatMapping.EndpointDependent or NatMapping.Sequential;
}
