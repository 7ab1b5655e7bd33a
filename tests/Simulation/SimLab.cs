using System.Globalization;
using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Relay.Protocol;

namespace Simulation;

/// <summary>
/// The usual world: two relay regions (or others) with two STUN addresses each, and two nodes on two sites (or on one) that know each other's keys.
/// </summary>
public sealed class SimLab
{
    private static readonly SimRegion[] UsualRegions =
    [
        new(900, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10)) { IsStunInCore = true },
        new(901, TimeSpan.FromMilliseconds(25), TimeSpan.FromMilliseconds(25)) { IsStunInCore = true },
    ];

    private readonly IReadOnlyList<StunServerAddress> _servers;
    private readonly RelayMap _map;
    private readonly HashSet<long> _sent = [];
    private readonly HashSet<long> _answered = [];
    private long _number;

    /// <summary>Makes the world and the nodes; <see cref="Start"/> starts these.</summary>
    /// <param name="seed">What all that is random comes from.</param>
    /// <param name="left">The left site's NAT; null = a public address.</param>
    /// <param name="right">The right site's NAT; null = a public address.</param>
    /// <param name="shareSite">Says that both nodes stand on the left site.</param>
    public SimLab(int seed, NatKind? left, NatKind? right, bool shareSite = false)
        : this(seed, SiteKind.Behind(left), SiteKind.Behind(right), shareSite ? Sharing.Site : Sharing.Nothing)
    {
    }

    /// <summary>Makes the world and the nodes; <see cref="Start"/> starts these.</summary>
    /// <param name="seed">What all that is random comes from.</param>
    /// <param name="left">How the left site is built.</param>
    /// <param name="right">How the right site is built; of no meaning where both share one.</param>
    /// <param name="sharing">What the two have in common.</param>
    public SimLab(int seed, SiteKind left, SiteKind right, Sharing sharing = Sharing.Nothing)
        : this(seed, left, right, sharing, UsualRegions)
    {
    }

    /// <summary>Makes the world and the nodes; <see cref="Start"/> starts these.</summary>
    /// <param name="seed">What all that is random comes from.</param>
    /// <param name="left">How the left site is built.</param>
    /// <param name="right">How the right site is built; of no meaning where both share one.</param>
    /// <param name="sharing">What the two have in common.</param>
    /// <param name="regions">The relays, nine at most, and how far away they are.</param>
    public SimLab(int seed, SiteKind left, SiteKind right, Sharing sharing, IReadOnlyList<SimRegion> regions)
    {
        World = new SimWorld(seed);
        _map = new RelayMap([.. regions.Select(region => Region(region.Id))]);
        foreach (SimRegion region in regions) World.Relays[region.Id] = new SimRelay(World, region.Id) { DelayOf = node => region.From(node.Site == RightSite) };
        (SimStun Server, int RegionId)[] stun = [.. Servers(regions, "198.19.{0}.1{1}:3478"), .. Servers(regions, "[2001:db8:f00{0}::1{1}]:3478")];
        Stun = [.. stun.Select(one => one.Server)];
        _servers = [.. stun.Select(one => new StunServerAddress(one.RegionId, one.Server.Address))];
        LeftSite = new SimSite(World, 1, left);
        RightSite = sharing == Sharing.Site ? LeftSite : new SimSite(World, 2, right, sharing == Sharing.Carrier ? LeftSite.Carrier : null);
        Left = NewNode(LeftSite, 10);
        Right = NewNode(RightSite, sharing == Sharing.Site ? (byte)11 : (byte)10);
        Left.DataReceived = Receive;
        Right.DataReceived = Receive;
    }

    /// <summary>The world.</summary>
    public SimWorld World { get; }

    /// <summary>The STUN servers.</summary>
    public IReadOnlyList<SimStun> Stun { get; }

    /// <summary>The left node's site.</summary>
    public SimSite LeftSite { get; }

    /// <summary>The right node's site.</summary>
    public SimSite RightSite { get; }

    /// <summary>The left node: it asks.</summary>
    public SimNode Left { get; }

    /// <summary>The right node: it answers.</summary>
    public SimNode Right { get; }

    /// <summary>Requests that were sent, and those whose answer has come.</summary>
    public (int Sent, int Answered) Pings => (_sent.Count, _answered.Count);

    /// <summary>Says whether both go directly.</summary>
    public bool IsDirect => Left.PathTo(Right) == PathKind.Direct && Right.PathTo(Left) == PathKind.Direct;

    /// <summary>Says whether both go by relay.</summary>
    public bool IsRelayed => Left.PathTo(Right) == PathKind.Relay && Right.PathTo(Left) == PathKind.Relay;

    /// <summary>Starts both nodes.</summary>
    public SimLab Start()
    {
        Left.Start(Right);
        Right.Start(Left);
        return this;
    }

    /// <summary>Starts both, and lets them settle on a path, with traffic.</summary>
    public SimLab Settle()
    {
        Start();
        World.Run(TimeSpan.FromSeconds(1));
        Ping(TimeSpan.FromSeconds(9));
        Forget();
        return this;
    }

    /// <summary>Sends a request every 200 ms for that long; the other side answers each.</summary>
    public void Ping(TimeSpan time) => Ping(time, TimeSpan.FromMilliseconds(200));

    /// <summary>Sends a request every <paramref name="interval"/> for that long; the other side answers each.</summary>
    public void Ping(TimeSpan time, TimeSpan interval)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < time; passed += interval)
        {
            long number = ++_number;
            _sent.Add(number);
            Left.SendData(Right.Key, number);
            World.Run(interval);
        }
    }

    /// <summary>Requests without an answer so far.</summary>
    public int Lost => _sent.Except(_answered).Count();

    /// <summary>Forgets the requests so far.</summary>
    public void Forget()
    {
        _sent.Clear();
        _answered.Clear();
    }

    /// <summary>Makes a node on a site, with keys from the world's seed.</summary>
    public SimNode NewNode(SimSite site, byte host)
    {
        byte[] secret = new byte[NodeKey.Length];
        World.Random.NextBytes(secret);
        return new SimNode(World, site, host, NodeKeyPair.FromPrivateKey(secret), _map, _servers);
    }

    private void Receive(SimNode node, NodeKey from, byte[] packet)
    {
        long number = SimData.NumberOf(packet);
        if (node == Right) Right.SendData(from, number);
        else _answered.Add(number);
    }

    private static RelayRegion Region(int id) => new() { Id = id, Code = $"r{id}", Nodes = [new RelayNode { Name = $"{id}a", HostName = $"relay{id}" }] };

    /// <summary>Two servers of each region, with addresses of one family.</summary>
    private IEnumerable<(SimStun Server, int RegionId)> Servers(IReadOnlyList<SimRegion> regions, string format)
    {
        for (int i = 0; i < regions.Count * 2; i++)
        {
            SimRegion region = regions[i / 2];
            string text = string.Format(CultureInfo.InvariantCulture, format, i / 2 + 1, i % 2);
            if (!TransportAddress.TryParse(text, out TransportAddress address)) throw new FormatException(text);
            yield return (new SimStun(World, address) { Farther = node => region.FartherThanCore(World, node.Site == RightSite) }, region.Id);
        }
    }
}

/// <summary>What two sites have in common.</summary>
public enum Sharing
{
    /// <summary>Nothing: the core of the network lies between them.</summary>
    Nothing,

    /// <summary>All: both nodes stand on one site.</summary>
    Site,

    /// <summary>The provider, and its NAT.</summary>
    Carrier,
}

/// <summary>A relay region, and how far away it is: from the right site, and from everywhere else.</summary>
/// <param name="Id">Its number.</param>
/// <param name="FromLeft">From the left site, one way.</param>
/// <param name="FromRight">From the right site, one way.</param>
public sealed record SimRegion(int Id, TimeSpan FromLeft, TimeSpan FromRight)
{
    /// <summary>Says that its STUN servers stand in the core of the network, as all others do, wherever its relay is.</summary>
    public bool IsStunInCore { get; init; }

    /// <summary>From a site to its relay, one way.</summary>
    public TimeSpan From(bool isRight) => isRight ? FromRight : FromLeft;

    /// <summary>How much longer than to the core and back it takes to its STUN servers and back.</summary>
    public TimeSpan FartherThanCore(SimWorld world, bool isRight) => IsStunInCore ? TimeSpan.Zero : (From(isRight) - world.AccessDelay * 2) * 2;
}
