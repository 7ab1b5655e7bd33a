namespace NatLab.Tests;

/// <summary>
/// Two nodes far from each other that are never direct, and three regions: one beside each, at the end of a slow line of its own, and one half way.
/// </summary>
/// <remarks>
/// <code>
/// left  (901) ── 15 ms ─┐                                        ┌─ 15 ms ── right (902)
///                a ─────┴── 45 ms ── core ── middle (900) 45 ms ─┴───── b
/// </code>
/// Round trips from a: 30 ms to the left, 90 to the middle, 210 to the right. By the left or the right region the two are 240 ms apart, by the
/// middle 180. Each of the two is a hard NAT to itself: a router of that kind would stand between it and the relay beside it.
/// </remarks>
internal sealed class FarPair : IAsyncDisposable
{
    public const int Middle = RelayStation.RegionId, Left = 901, Right = 902;

    private const string AddressOfA = "10.77.0.1";
    private const string AddressOfB = "10.77.0.2";

    private const string HardNatOfItsOwn = """
        table inet filter {
          chain input {
            type filter hook input priority filter; policy accept;
            iifname "eth0" meta l4proto udp ct state established,related accept
            iifname "eth0" meta l4proto udp drop
          }
        }
        table ip nat {
          chain source {
            type nat hook postrouting priority srcnat; policy accept;
            oifname "eth0" meta l4proto udp masquerade fully-random
          }
        }
        """;

    private static readonly TimeSpan ToCore = TimeSpan.FromMilliseconds(45);
    private static readonly TimeSpan ToRelay = TimeSpan.FromMilliseconds(15);

    private FarPair(Lab lab) => Lab = lab;

    public Lab Lab { get; }
    public required RelayStation MiddleRelay { get; init; }
    public required LabHost RightRelayHost { get; init; }
    public required TunnelNode A { get; init; }
    public required TunnelNode B { get; init; }

    public static async Task<FarPair> CreateAsync()
    {
        Lab lab = await Lab.CreateAsync();
        try
        {
            Site left = await lab.AddSiteAsync("a", NatKind.Public, delay: ToCore);
            Site right = await lab.AddSiteAsync("b", NatKind.Public, delay: ToCore);
            LabHost leftRelay = await left.AddHostAsync("ra", ToRelay);
            LabHost rightRelay = await right.AddHostAsync("rb", ToRelay);
            foreach (Site site in lab.Sites) await site.Host.Namespace.NftAsync(HardNatOfItsOwn);

            RelayStation[] relays = await Task.WhenAll(RelayStation.StartAsync(lab), RelayStation.StartAsync(lab, leftRelay, Left), RelayStation.StartAsync(lab, rightRelay, Right));
            string map = RelayStation.WriteMap(lab, relays);
            FarPair pair = new(lab)
            {
                MiddleRelay = relays[0],
                RightRelayHost = rightRelay,
                A = await TunnelNode.CreateAsync(lab, left.Host, AddressOfA),
                B = await TunnelNode.CreateAsync(lab, right.Host, AddressOfB),
            };
            await pair.A.Link.StartAsync(PlanFor(pair.A, pair.B, map));
            await pair.B.Link.StartAsync(PlanFor(pair.B, pair.A, map));
            return pair;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    public Task StartAgentsAsync() => Task.WhenAll(A.StartAgentAsync(), B.StartAgentAsync());

    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    private static WireGuardPlan PlanFor(TunnelNode self, TunnelNode peer, string map) => new()
    {
        Keys = self.Keys,
        Addresses = [$"{self.TunnelAddress}/24"],
        RelayLines = [$"#RelayMap = {map}"],
        Peers = [new WireGuardPeer(peer.Keys.PublicKey, [$"{peer.TunnelAddress}/32"])],
    };
}
