using Addresses;
using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>
/// One random story of two nodes, by seed: any sites, a network that delays, reorders, doubles and loses, liars and eavesdroppers, and
/// anything that can happen to hosts, routers and relays. What must always hold (DESIGN.md §1) is checked at every step.
/// </summary>
internal sealed class Scenario
{
    private const int Steps = 6;
    private const byte FirstFreeSite = 30;

    /// <summary>A pair without hope looks again every 30 s.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(45);

    /// <summary>Chance and guesses fail now and then: further attempts come 5 s, 40 s and 2 min after, and what has filled a small block must expire first.</summary>
    private static readonly TimeSpan Attempts = TimeSpan.FromMinutes(6);

    private static readonly TimeSpan OneMore = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan LongestLifetime = TimeSpan.FromSeconds(SiteKinds.LongestLifetimeSeconds);

    private readonly Random _random;
    private readonly List<string> _story = [];
    private readonly SimLab _lab;
    private bool _isRightAlive = true;
    private SimNode? _asleep;
    private long _starts = 1;
    private byte _nextSite = FirstFreeSite;
    private bool? _hasMet;

    private Scenario(int seed, (SiteKind Left, SiteKind Right)? kinds)
    {
        _random = new Random(seed);
        SiteKind left = SiteKinds.Any(_random), right = SiteKinds.Any(_random);
        if (kinds is { } forced) (left, right) = forced;
        Sharing sharing = _random.Next(10) switch { 0 => Sharing.Site, 1 when left.Carrier is not null => Sharing.Carrier, _ => Sharing.Nothing };
        if (sharing == Sharing.Carrier) right = right with { Nat = right.Nat ?? NatKind.Easy, Carrier = left.Carrier };
        _lab = new SimLab(seed, left, right, sharing);
        _lab.World.AccessDelay = TimeSpan.FromMilliseconds(_random.Next(1, 50));
        _lab.World.Jitter = TimeSpan.FromMilliseconds(_random.Next(0, 30)); // More than from packet to packet: they overtake each other.
        _lab.World.Duplication = _random.Next(3) == 0 ? 0.1 : 0;
        if (_random.Next(3) == 0) MakeLiar();
        if (_random.Next(3) == 0) _lab.World.Overheard = Replay;
        _story.Add($"{left} × {right}, {sharing}");
    }

    /// <summary>Plays it.</summary>
    /// <param name="seed">What all that is random comes from.</param>
    /// <param name="kinds">The two sites; null = any, by the seed.</param>
    public static ScenarioOutcome Play(int seed, (SiteKind Left, SiteKind Right)? kinds = null)
    {
        Scenario scenario = new(seed, kinds);
        string? problem = scenario.Play();
        string story = $"{string.Join(", ", scenario._story)}; {scenario.Sides()}";
        return new ScenarioOutcome(problem is null ? null : $"seed {seed}: {problem}; {story}", scenario._hasMet, scenario._lab.World.Trace) { Story = $"seed {seed}: {story}" };
    }

    private string? Play()
    {
        _lab.Start();
        if (Begin() is { } atFirst) return atFirst;
        for (int step = 0; step < Steps; step++)
        {
            Happen();
            _lab.Ping(TimeSpan.FromMilliseconds(_random.Next(1, 20) * 200));
            if (AlwaysHolds() is { } problem) return problem;
        }

        return Calm();
    }

    /// <summary>Nothing is lost yet, and nothing fails: the first packet passes, and finding a path costs none.</summary>
    private string? Begin()
    {
        _lab.Ping(TimeSpan.FromSeconds(4));
        _lab.World.Run(TimeSpan.FromSeconds(1));
        return _lab.Lost > 0 ? $"{_lab.Lost} of the first packets lost" : AlwaysHolds();
    }

    private void Happen()
    {
        SimWorld world = _lab.World;
        switch (_random.Next(12))
        {
            case 0: Tell("cut"); world.IsCut = (_, _) => true; break;
            case 1: Tell("healed"); world.IsCut = (_, _) => false; break;
            case 2: world.Loss = _random.NextDouble() * 0.3; Tell($"loss {world.Loss:0.00}"); break;
            case 3: Tell("relays stop"); foreach (SimRelay relay in world.Relays.Values) relay.Stop(); break;
            case 4: Tell("relays start"); foreach (SimRelay relay in world.Relays.Values) relay.Start(); break;
            case 5: Tell("one relay stops"); world.Relays[900 + _random.Next(2)].Stop(); break;
            case 6 when _asleep != _lab.Right && _isRightAlive: Tell("right killed"); _lab.Right.Kill(++_starts); _isRightAlive = false; break;
            case 7 when !_isRightAlive: StartRight(); break;
            case 8: Reboot(_random.Next(2) == 0 ? _lab.Left.Site : _lab.Right.Site); break;
            case 9: Roam(_random.Next(2) == 0 ? _lab.Left : _lab.Right); break;
            case 10 when _asleep is null: Sleep(_random.Next(2) == 0 ? _lab.Left : _lab.Right); break;
            case 11: WakeUp(); break;
            default: break;
        }
    }

    private string? AlwaysHolds()
    {
        if (_lab.World.Violations.FirstOrDefault() is { } violation) return violation;
        if (_lab.World.Sent != _lab.World.Delivered + _lab.World.Dropped + _lab.World.UnderWay) return "a packet has ended uncounted";
        foreach ((SimNode here, SimNode there) in new[] { (_lab.Left, _lab.Right), (_lab.Right, _lab.Left) })
        {
            if (here == _asleep || (here == _lab.Right && !_isRightAlive)) continue;
            if (here.PathTo(there) != PathKind.Direct && here.VerdictOn(there) is null) return "not direct, and no verdict";
            if (here.PathTo(there) == PathKind.Direct && here.VerdictOn(there) is not null) return "direct, and a verdict";
        }

        return null;
    }

    /// <summary>Everything is up and the network loses nothing: the pair is direct wherever it can be, says why where it cannot, and loses nothing.</summary>
    private string? Calm()
    {
        _lab.World.IsCut = (_, _) => false;
        _lab.World.Loss = 0;
        foreach (SimRelay relay in _lab.World.Relays.Values) relay.Start();
        WakeUp();
        if (!_isRightAlive) StartRight();
        _lab.Ping(LookAgain);
        for (TimeSpan waited = LookAgain; waited < Patience() && !_lab.IsDirect; waited += OneMore) _lab.Ping(OneMore);
        _lab.Forget();
        _lab.Ping(TimeSpan.FromSeconds(4));
        _lab.World.Run(TimeSpan.FromSeconds(1));

        if (AlwaysHolds() is { } problem) return problem;
        if (_lab.Lost > 0) return $"{_lab.Lost} lost in the calm";
        IReadOnlyList<Method> methods = Oracle.Methods(_lab.Left.Site, _lab.Right.Site);
        bool isForCertain = Oracle.CanBeDirectForCertain(_lab.Left.Site, _lab.Right.Site);
        if (methods.Count > 0 && !isForCertain) _hasMet = _lab.IsDirect;
        if (isForCertain && !_lab.IsDirect) return $"not direct, though {string.Join(" or ", methods)} would do";
        if (_lab.IsDirect && Oracle.IsImpossible(_lab.Left.Site, _lab.Right.Site)) return "direct, where it cannot be";
        return _lab.IsDirect || _lab.IsRelayed ? null : "direct one way only";
    }

    /// <summary>Within this a pair is direct that can be.</summary>
    private TimeSpan Patience() =>
        Oracle.Methods(_lab.Left.Site, _lab.Right.Site).Count == 0 ? LookAgain
        : !Oracle.CanBeDirectForCertain(_lab.Left.Site, _lab.Right.Site) ? Attempts
        : HasFullRouter() ? LongestLifetime + LookAgain
        : LookAgain;

    /// <summary>A block of ports that a punch has used up is used up until its mappings expire.</summary>
    private bool HasFullRouter() => _lab.Left.Site.Routers.Concat(_lab.Right.Site.Routers).Any(router => _lab.World.Now - router.LastFull < LongestLifetime);

    private void StartRight()
    {
        Tell("right started");
        _lab.Right.Start(_lab.Left);
        _isRightAlive = true;
    }

    private void Reboot(SimSite site)
    {
        if (site.Nat is null or { Kind.IsFirewall: true }) return;
        Tell($"router of site {site.Number} starts anew");
        site.Reboot((byte)_random.Next(3, 200));
    }

    private void Roam(SimNode node)
    {
        if (node == _asleep || (node == _lab.Right && !_isRightAlive)) return;
        SiteKind kind = SiteKinds.Any(_random);
        if (kind.HasIpv6 != node.Site.Kind.HasIpv6) kind = kind with { HasIpv6 = node.Site.Kind.HasIpv6, Ipv6Firewall = node.Site.Kind.HasIpv6 ? kind.Ipv6Firewall : null };
        Tell($"{Name(node)} moves to {kind}");
        node.Move(new SimSite(_lab.World, _nextSite++, kind), (byte)_random.Next(20, 30));
    }

    private void Sleep(SimNode node)
    {
        if (node == _lab.Right && !_isRightAlive) return;
        Tell($"{Name(node)} sleeps");
        node.Sleep();
        _asleep = node;
    }

    private void WakeUp()
    {
        if (_asleep is null) return;
        Tell($"{Name(_asleep)} wakes");
        _asleep.Wake();
        _asleep = null;
    }

    private void MakeLiar()
    {
        SimStun liar = _lab.Stun[_random.Next(_lab.Stun.Count)];
        int lie = _random.Next(4);
        liar.Lie = seen => lie switch
        {
            0 => seen.WithPort((ushort)_random.Next(1, 65536)),
            1 => TransportAddress.FromIpv4(0x08080808, 53),
            2 => TransportAddress.FromIpv4(0xa9fea9fe, 80),
            _ => TransportAddress.FromIpv4(0x7f000001, seen.Port),
        };
        Tell($"{liar.Address} lies ({lie})");
    }

    /// <summary>Somebody on the way sends what he has seen again, from where it came or from elsewhere.</summary>
    private void Replay(SimPacket packet)
    {
        if (packet.Origin is null || _random.Next(50) != 0) return;
        TransportAddress source = _random.Next(2) == 0 ? packet.Source : TransportAddress.FromIpv4(0xcb007100 | (uint)_random.Next(1, 255), (ushort)_random.Next(1024, 65536));
        SimPacket copy = new(source, packet.Destination, [.. packet.Payload]);
        if (_random.Next(4) == 0) copy.Payload[_random.Next(copy.Payload.Length)] ^= 1;
        else if (source == packet.Source) copy = copy with { Origin = packet.Origin };
        _lab.World.After(TimeSpan.FromMilliseconds(_random.Next(1, 2000)), () => _lab.World.Inject(copy));
    }

    private void Tell(string what) => _story.Add($"{(_lab.World.Now - Timing.Instant.Origin).TotalSeconds - 1000:0.0} s {what}");

    private string Name(SimNode node) => node == _lab.Left ? "left" : "right";

    private string Sides() =>
        $"left {_lab.Left.PathTo(_lab.Right)} {_lab.Left.RemoteOf(_lab.Right)} {_lab.Left.VerdictOn(_lab.Right)?.Code}, right {_lab.Right.PathTo(_lab.Left)} {_lab.Right.RemoteOf(_lab.Left)} {_lab.Right.VerdictOn(_lab.Left)?.Code}; ended: "
        + string.Join(", ", Enum.GetValues<SimDrop>().Where(reason => _lab.World.Drops(reason) > 0).Select(reason => $"{reason} {_lab.World.Drops(reason)}"));
}

/// <summary>How a scenario went.</summary>
/// <param name="Problem">What was violated, with the seed and the story; null = nothing.</param>
/// <param name="HasMet">Whether a pair that only chance, or a guess, can join was direct in the end; null = it is no such pair.</param>
/// <param name="Trace">The trace of the run.</param>
internal sealed record ScenarioOutcome(string? Problem, bool? HasMet, ulong Trace)
{
    /// <summary>The seed, what happened, and how both ends saw it last.</summary>
    public required string Story { get; init; }
}
