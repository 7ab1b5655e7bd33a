using Simulation;

namespace Simulation.Tests;

/// <summary>The kinds of site that the matrix pairs: mapping × filtering × port allocation, each with a lifetime and with or without hairpinning, and those with more than one box, or none.</summary>
internal static class SiteKinds
{
    /// <summary>How long a random NAT keeps an idle mapping at the most.</summary>
    public const int LongestLifetimeSeconds = 120;

    private static readonly int[] Lifetimes = [20, 30, 120];

    /// <summary>All of them, by name.</summary>
    public static readonly IReadOnlyList<(string Name, SiteKind Kind)> All = [.. OneBox().Concat(Others()).Select(kind => (kind.ToString(), kind))];

    /// <summary>A site with random boxes.</summary>
    public static SiteKind Any(Random random)
    {
        NatKind? nat = random.Next(6) == 0 ? null : AnyNat(random);
        bool hasIpv6 = random.Next(4) == 0;
        return new SiteKind
        {
            Nat = nat,
            Carrier = nat is not null && random.Next(5) == 0 ? AnyCarrier(random) : null,
            HasIpv6 = hasIpv6,
            Ipv6Firewall = hasIpv6 && random.Next(3) > 0 ? NatKind.Firewall with { BlocksUdp = nat is { BlocksUdp: true } } : null,
            OpensPorts = random.Next(8) == 0,
            Lan = random.Next(6) == 0 ? (byte)1 : null,
        };
    }

    /// <summary>The same site, with routers that take early packets for themselves.</summary>
    public static SiteKind WithEarlyPackets(SiteKind kind) => kind with { Nat = WithEarlyPackets(kind.Nat), Carrier = WithEarlyPackets(kind.Carrier) };

    private static NatKind? WithEarlyPackets(NatKind? kind) => kind is null or { IsFirewall: true } ? kind : kind with { TakesEarlyPackets = true };

    private static NatKind AnyNat(Random random)
    {
        NatKind kind = new((Mapping)random.Next(3), (Filtering)random.Next(3))
        {
            Hairpins = random.Next(2) == 0,
            BlocksUdp = random.Next(10) == 0,
            TakesEarlyPackets = random.Next(6) == 0,
            OverloadsPorts = random.Next(4) == 0,
            Lifetime = TimeSpan.FromSeconds(random.Next(20, LongestLifetimeSeconds + 1)),
            BackgroundRate = random.Next(3) == 0 ? random.NextDouble() * 5 : 0,
        };
        return random.Next(6) switch
        {
            0 => kind with { PreservesPorts = true },
            1 => kind with { PortStep = random.Next(1, 5) },
            2 => kind with { PortStep = -random.Next(1, 5) },
            3 => kind with { LowestPort = 4096, HighestPort = (ushort)(4095 + (128 << random.Next(5))) },
            4 => NatKind.Firewall with { BlocksUdp = kind.BlocksUdp, Lifetime = kind.Lifetime },
            _ => kind,
        };
    }

    private static NatKind AnyCarrier(Random random)
    {
        NatKind kind = AnyNat(random);
        return kind.IsFirewall ? NatKind.Easy : kind; // Addresses out of 100.64.0.0/10 need a NAT.
    }

    private static IEnumerable<SiteKind> OneBox()
    {
        int index = 0;
        foreach (Mapping mapping in Enum.GetValues<Mapping>())
        {
            foreach (Filtering filtering in Enum.GetValues<Filtering>())
            {
                NatKind random = new(mapping, filtering);
                foreach (NatKind kind in new[] { random with { PreservesPorts = true }, random, random with { PortStep = 1 }, random with { PortStep = -2, BackgroundRate = 2 }, Block(random, 256), Block(random, 1024) })
                {
                    yield return SiteKind.Behind(kind with { Hairpins = index % 2 == 0, Lifetime = TimeSpan.FromSeconds(Lifetimes[index % Lifetimes.Length]) });
                    index++;
                }
            }
        }
    }

    private static IEnumerable<SiteKind> Others()
    {
        NatKind sequential = NatKind.Hard with { PortStep = 1 };
        yield return SiteKind.Public;
        yield return SiteKind.Behind(NatKind.Blocked);
        yield return SiteKind.Behind(NatKind.Firewall);
        yield return SiteKind.Behind(NatKind.Firewall with { Filtering = Filtering.AddressDependent });
        yield return SiteKind.Behind(NatKind.Easy with { PreservesPorts = true, OverloadsPorts = true });
        yield return new SiteKind { Nat = NatKind.Easy, Carrier = NatKind.Easy };
        yield return new SiteKind { Nat = NatKind.Easy, Carrier = NatKind.Hard };
        yield return new SiteKind { Nat = NatKind.Hard, Carrier = NatKind.Easy };
        yield return new SiteKind { Nat = NatKind.Easy, Carrier = sequential };
        yield return new SiteKind { Nat = NatKind.Easy, Carrier = Block(NatKind.Hard, 256) };
        yield return new SiteKind { Nat = NatKind.Hard, OpensPorts = true };
        yield return new SiteKind { Nat = NatKind.Hard, HasIpv6 = true, Ipv6Firewall = NatKind.Firewall };
        yield return new SiteKind { Nat = NatKind.Easy, HasIpv6 = true };
        yield return new SiteKind { HasIpv4 = false, HasIpv6 = true, Ipv6Firewall = NatKind.Firewall };
    }

    private static NatKind Block(NatKind kind, int ports) => kind with { LowestPort = 20480, HighestPort = (ushort)(20479 + ports) };
}
