using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Relay.Protocol;

namespace Simulation;

/// <summary>
/// The usual world: two relay regions with two STUN addresses each, and two nodes on two sites (or on one) that know each other's keys.
/// </summary>
public sealed class SimLab
{
    private static readonly string[] StunAddresses =
    [
        "198.19.1.10:3478", "198.19.1.11:3478", "198.19.2.10:3478", "198.19.2.11:3478",
        "[2001:db8:f001::10]:3478", "[2001:db8:f001::11]:3478", "[2001:db8:f002::10]:3478", "[2001:db8:f002::11]:3478",
    ];

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
    {
        World = new SimWorld(seed);
        World.Relays[900] = new SimRelay(World, 900, TimeSpan.FromMilliseconds(10));
        World.Relays[901] = new SimRelay(World, 901, TimeSpan.FromMilliseconds(25));
        Stun = [.. StunAddresses.Select(Server)];
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
        return new SimNode(World, site, host, NodeKeyPair.FromPrivateKey(secret), Map, [.. Stun.Select(server => new StunServerAddress(RegionOf(server), server.Address))]);
    }

    private static RelayMap Map { get; } = new([Region(900), Region(901)]);

    private void Receive(SimNode node, NodeKey from, byte[] packet)
    {
        long number = SimNode.NumberOf(packet);
        if (node == Right) Right.SendData(from, number);
        else _answered.Add(number);
    }

    private static RelayRegion Region(int id) => new() { Id = id, Code = $"r{id}", Nodes = [new RelayNode { Name = $"{id}a", HostName = $"relay{id}" }] };

    private static int RegionOf(SimStun server) => Array.IndexOf(StunAddresses, server.Address.ToString()) % 4 < 2 ? 900 : 901;

    private SimStun Server(string address) =>
        TransportAddress.TryParse(address, out TransportAddress parsed) ? new SimStun(World, parsed) : throw new FormatException(address);
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
