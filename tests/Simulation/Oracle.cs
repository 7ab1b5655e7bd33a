using Node.Traversal;

namespace Simulation;

/// <summary>
/// Says from how two sites are built, and from nothing a node believes, by which methods a direct path can come about, and which verdicts
/// are right where there is none.
/// </summary>
public static class Oracle
{
    /// <summary>Two blocks of ports up to this size meet within the guesses that a router may be asked to bear.</summary>
    public const int SmallBlock = 256;

    /// <summary>Above this many flows of other hosts a second nobody foretells the next port.</summary>
    public const double MostBackground = 20;

    /// <summary>Says whether two nodes can reach each other directly at the first attempt: by a method that is neither chance nor a guess.</summary>
    public static bool CanBeDirectForCertain(SimSite left, SimSite right) =>
        Methods(left, right).Any(method => method is not (Method.Birthday or Method.SmallBlocks or Method.SequentialPrediction));

    /// <summary>Every method by which two nodes can reach each other directly, given that both try.</summary>
    public static IReadOnlyList<Method> Methods(SimSite left, SimSite right)
    {
        if (left == right) return [Method.Lan];

        List<Method> methods = [];
        if (left.Kind.HasIpv4 && right.Kind.HasIpv4) methods.AddRange(Ipv4Methods(left, right));
        if (left.Kind.HasIpv6 && right.Kind.HasIpv6 && Box.OfIpv6(left) is { IsBlocked: false } a && Box.OfIpv6(right) is { IsBlocked: false } b)
        {
            methods.Add(a.TakesEarly || b.TakesEarly ? Method.CarefulOpen : Method.Ipv6);
        }

        return methods;
    }

    /// <summary>Says that no packet of the one can ever reach the other directly. Between two hard NATs a guess may be lucky: that is no method, and no fault.</summary>
    public static bool IsImpossible(SimSite left, SimSite right)
    {
        bool areOnOneLink = left.Nat is { Kind.IsFirewall: true } && right.Nat is { Kind.IsFirewall: true }; // Their hosts have addresses of the provider's own network.
        bool sharesMuteCarrier = left.Carrier is not null && left.Carrier == right.Carrier && !left.Carrier.Nat.Kind.Hairpins && !areOnOneLink;
        bool hasIpv4 = left.Kind.HasIpv4 && right.Kind.HasIpv4 && !Box.OfIpv4(left).IsBlocked && !Box.OfIpv4(right).IsBlocked && !sharesMuteCarrier;
        return !hasIpv4 && Methods(left, right).Count == 0;
    }

    /// <summary>The verdicts that are right for <paramref name="here"/> where there is no method, or none that the nodes have.</summary>
    public static IReadOnlyList<VerdictCode> RightVerdicts(SimSite here, SimSite there)
    {
        if (IsBlocked(here)) return [VerdictCode.UdpBlockedHere];
        if (IsBlocked(there)) return [VerdictCode.UdpBlockedThere];
        if (!here.Kind.HasIpv4 || !there.Kind.HasIpv4) return [VerdictCode.NoCommonFamily];

        bool isHardHere = Box.OfIpv4(here).IsHard, isHardThere = Box.OfIpv4(there).IsHard;
        if (isHardHere && isHardThere) return [VerdictCode.HardBoth];
        if (isHardHere) return [VerdictCode.HardHere];
        return isHardThere ? [VerdictCode.HardThere] : [VerdictCode.ChecksUnanswered];
    }

    private static IEnumerable<Method> Ipv4Methods(SimSite left, SimSite right)
    {
        Box a = Box.OfIpv4(left), b = Box.OfIpv4(right);
        if (a.IsBlocked || b.IsBlocked) yield break;

        bool sharesCarrier = left.Carrier is not null && left.Carrier == right.Carrier;
        if (sharesCarrier && !left.Carrier!.Nat.Kind.Hairpins) yield break;
        if (OpensPorts(left) || OpensPorts(right)) yield return Method.PortMapping;

        Method? method = a.IsOpen || b.IsOpen ? Method.Open
            : !a.IsHard && !b.IsHard ? (a.TakesEarly || b.TakesEarly ? Method.CarefulOpen : Method.SimultaneousOpen)
            : a.IsHard && b.IsHard ? HardMethod(a, b)
            : MixedMethod(hard: a.IsHard ? a : b, easy: a.IsHard ? b : a);
        if (sharesCarrier && method is (Method.SequentialPrediction or Method.Birthday or Method.SmallBlocks)) yield break; // All mappings of both would be the one router's.
        if (method is { } found) yield return sharesCarrier && found is Method.Open or Method.SimultaneousOpen or Method.AddressFilter ? Method.Hairpin : found;
    }

    private static Method MixedMethod(Box hard, Box easy)
    {
        if (easy.Filtering == Filtering.AddressDependent) return Method.AddressFilter;
        return hard.IsForetellable ? Method.SequentialPrediction : Method.Birthday;
    }

    private static Method? HardMethod(Box a, Box b)
    {
        if (a.IsForetellable && b.IsForetellable) return Method.SequentialPrediction;
        Box[] open = [.. new[] { a, b }.Where(box => box.Filtering == Filtering.AddressDependent)]; // To wherever the other's packets come from.
        if (open.Any(box => box.IsForetellable)) return Method.SequentialPrediction;
        if (open.Length > 0) return Method.Birthday;
        return a.Allocation.Ports <= SmallBlock && b.Allocation.Ports <= SmallBlock ? Method.SmallBlocks : null;
    }

    private static bool OpensPorts(SimSite site) => site.Kind.OpensPorts && site.Carrier is null && site.Nat is { Kind: { IsFirewall: false, BlocksUdp: false } };

    private static bool IsBlocked(SimSite site) =>
        (!site.Kind.HasIpv4 || Box.OfIpv4(site).IsBlocked) && (!site.Kind.HasIpv6 || Box.OfIpv6(site).IsBlocked);

    /// <summary>All the boxes between a site's hosts and the core of the network, as one.</summary>
    /// <param name="IsBlocked">Says that no UDP passes.</param>
    /// <param name="IsHard">Says that another destination sees another port.</param>
    /// <param name="Filtering">The strictest of them.</param>
    /// <param name="TakesEarly">Says that one of them takes early packets for itself.</param>
    /// <param name="Allocation">The box whose choice of ports the world sees.</param>
    private sealed record Box(bool IsBlocked, bool IsHard, Filtering Filtering, bool TakesEarly, NatKind Allocation)
    {
        public bool IsOpen => Filtering == Filtering.EndpointIndependent;

        public bool IsForetellable => Allocation.PortStep != 0 && Allocation.BackgroundRate <= MostBackground;

        public static Box OfIpv4(SimSite site) => Of([site.Nat?.Kind, site.Carrier?.Nat.Kind]);

        public static Box OfIpv6(SimSite site) => Of([site.Ipv6Firewall?.Kind]);

        private static Box Of(IEnumerable<NatKind?> kinds)
        {
            Box all = new(false, false, Filtering.EndpointIndependent, false, NatKind.Easy);
            foreach (NatKind kind in kinds.OfType<NatKind>()) // From the inside out.
            {
                all = new Box(
                    all.IsBlocked || kind.BlocksUdp,
                    all.IsHard || kind.IsHard,
                    (Filtering)Math.Max((int)all.Filtering, (int)kind.Filtering),
                    all.TakesEarly || (kind.TakesEarlyPackets && kind.Filtering != Filtering.EndpointIndependent),
                    kind.PreservesPorts && !kind.IsHard ? all.Allocation : kind);
            }

            return all;
        }
    }
}
