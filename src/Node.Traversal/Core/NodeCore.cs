using Addresses;
using Node.Traversal.Core.Links;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.Punching;
using Node.Traversal.Core.RelayMaps;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// Everything a node decides: whom to greet, where it is at home, what to check, which path each peer's packets take, and why a pair is
/// not direct. Sans-IO and single-threaded: one loop hands it inputs with the time, and drains transmits and events after each.
/// </summary>
internal sealed class NodeCore
{
    private readonly NodeContext _context;
    private readonly StunProber _stun;
    private readonly ProfileKeeper _profiles;
    private readonly HomeSelector _homes;
    private readonly HttpsLatencies _https;
    private readonly RelayWants _wants;
    private readonly AddressBook _addresses;
    private readonly PacketIntake _packets;
    private readonly PeerTable _peers;
    private readonly OwnNetwork _network;
    private readonly RelayPresence _relays;

    /// <summary>Makes a core that knows no peers and no addresses yet.</summary>
    public NodeCore(NodeCoreOptions options, RelayMap map, Instant now)
    {
        _context = new NodeContext(options, map);
        _context.Filter.AllowLoopback = options.AllowLoopback;
        _stun = new StunProber(_context);
        _profiles = new ProfileKeeper(_context);
        _homes = new HomeSelector(_context);
        _https = new HttpsLatencies(_context);
        _wants = new RelayWants(_context);
        _addresses = new AddressBook(_context);
        _peers = new PeerTable(now);
        _network = new OwnNetwork(_context, _stun, _profiles, _peers);
        _relays = new RelayPresence(_context, _peers);
        _packets = new PacketIntake(_context, _peers, _addresses, _stun, _network);
        Settle(now);
    }

    /// <summary>The region the node is at home in; 0 = none yet.</summary>
    public int HomeRegion => _context.HomeRegion;

    /// <summary>What is known of the NAT this node is behind, for IPv4, or for IPv6 where there is no IPv4.</summary>
    public NatProfile Nat => _context.Nat;

    /// <summary>What is known of the NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 => _context.NatIpv6;

    /// <summary>Says whether a captive portal stands before the network; null = not looked for, for UDP works, or not known.</summary>
    public bool? CaptivePortal => _context.CaptivePortal;

    /// <summary>Where this node may be reached, as it tells its peers.</summary>
    public IReadOnlyList<Candidate> Candidates => _context.Candidates;

    /// <summary>Control packets let go, by reason. May be read from any thread.</summary>
    public NodeDropCounters Drops => _context.Drops;

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout
    {
        get
        {
            Instant next = Instant.Min(_stun.NextTimeout ?? Instant.Never, _homes.NextTimeout ?? Instant.Never);
            next = Instant.Min(next, Instant.Min(_profiles.NextTimeout ?? Instant.Never, _wants.NextTimeout ?? Instant.Never));
            next = Instant.Min(next, Instant.Min(_https.NextTimeout ?? Instant.Never, _context.Moves.NextTimeout ?? Instant.Never));
            next = Instant.Min(next, _peers.NextTimeout);
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>Does what is due.</summary>
    public void HandleTimeout(Instant now)
    {
        if (_stun.NextTimeout <= now)
        {
            _stun.IsActive = _peers.All.Any(peer => peer.Finder.IsActive(now));
            if (_stun.HandleTimeout(now)) _network.Update(now);
        }

        if (_wants.NextTimeout <= now)
        {
            _context.HaveRoutesChanged = true; // A region has become unreachable: other routes are chosen.
            _peers.Drain(now);
        }

        _peers.HandleTimeout(now);
        Settle(now);
    }

    /// <summary>Takes the next control message to send.</summary>
    public bool TryDequeueTransmit(out Transmit transmit) => _context.TryDequeueTransmit(out transmit);

    /// <summary>Takes the next decision to carry out.</summary>
    public bool TryDequeueEvent(out NodeEvent? nodeEvent) => _context.TryDequeueEvent(out nodeEvent);

    /// <summary>Adds a peer and greets it. A peer that is there already keeps what it has found.</summary>
    public void HandlePeerAdded(PeerOptions options, Instant now)
    {
        if (options.Key == _context.OwnKey || _peers.Contains(options.Key)) return;
        PeerSession peer = new(_context, options, now);
        _peers.Add(peer);
        _context.HaveRoutesChanged = true;
        _network.UpdateTunnelRanges(now);
        peer.Hellos.Ask(now);
        Settle(now);
    }

    /// <summary>Forgets a peer and all it has found.</summary>
    public void HandlePeerRemoved(NodeKey key, Instant now)
    {
        if (!_peers.TryFind(key, out PeerSession? peer) || !_peers.Remove(key)) return;
        peer.Punch.Close(now);
        _addresses.Forget(key);
        _context.HaveRoutesChanged = true;
        _network.UpdateTunnelRanges(now);
        Settle(now);
    }

    /// <summary>Other ranges lead to the peer through the tunnel from now on; what was found of it stays, but for a path that would lie in there.</summary>
    public void HandlePeerTunnelRanges(NodeKey key, IReadOnlyList<IpPrefix> ranges, Instant now)
    {
        if (!_peers.TryFind(key, out PeerSession? peer)) return;
        peer.TunnelRanges = ranges;
        _network.UpdateTunnelRanges(now);
        peer.HandleTunnelRanges(now);
        Settle(now);
    }

    /// <summary>The relay map has changed.</summary>
    public void HandleRelayMap(RelayMap map, Instant now)
    {
        _context.Map = map;
        _context.HaveRoutesChanged = true;
        foreach (PeerSession peer in _peers.All) peer.Route.HandleRelayMap();
        Settle(now);
    }

    /// <summary>Takes the STUN servers of the map, looked up by the shell; again whenever that changes. The first call starts the probing.</summary>
    public void HandleStunServers(IReadOnlyList<StunServerAddress> servers, Instant now)
    {
        _context.StunServers = [.. servers.Select(server => server.Address).Where(address => address.IsIpv4).DistinctBy(address => address.Bits)];
        _stun.HandleServers(servers, now);
        _network.Update(now);
        Settle(now);
    }

    /// <summary>Takes how this network writes IPv4 addresses; null where there is IPv4, or no NAT64.</summary>
    public void HandleNat64(Nat64Prefix? prefix, Instant now)
    {
        if (_context.Filter.Nat64 == prefix) return;
        _context.Filter.Nat64 = prefix;
        foreach (PeerSession peer in _peers.All) peer.Candidates.HandleNat64(now);
        TellPeers(now);
    }

    /// <summary>How far away the regions are, as measured in this network.</summary>
    public IReadOnlyDictionary<int, TimeSpan> Latencies => _stun.Latencies.Measured();

    /// <summary>Takes which network the node is in, and what is remembered of it: neither home nor punching need wait for the first answers.</summary>
    public void HandleKnownNetwork(KnownNetwork network, Instant now)
    {
        _stun.Latencies.Recall(network.Latencies);
        _profiles.HandleKnownNetwork(network);
        TellPeers(now);
    }

    /// <summary>Takes what was measured by HTTPS, where <see cref="NodeEvent.HttpsLatencyWanted"/> asked for it.</summary>
    public void HandleHttpsLatencies(int round, IReadOnlyDictionary<int, TimeSpan> latencies, Instant now)
    {
        if (!_https.TryEnd(round, latencies.Count > 0, now)) return;
        foreach ((int region, TimeSpan latency) in latencies) _stun.Latencies.Note(region, latency);
        _stun.Latencies.EndRound(now);
        Settle(now);
    }

    /// <summary>Takes whether a captive portal was found in that round; null = nobody has answered.</summary>
    public void HandleCaptivePortal(int round, bool? isCaptive) => _https.HandleCaptivePortal(round, isCaptive);

    /// <summary>Takes what the discovery of <see cref="NodeEvent.NatDiscoveryWanted"/> has found out of the NAT for one family, in part or in whole.</summary>
    public void HandleNatProfile(bool isIpv4, NatProfile found, Instant now)
    {
        _profiles.HandleFound(isIpv4, found);
        TellPeers(now);
    }

    /// <summary>Takes the addresses of the machine's interfaces, WireGuard's own not among them, the most useful first. A change of any counts as a change of network.</summary>
    public void HandleLocalAddresses(IReadOnlyList<TransportAddress> addresses, Instant now)
    {
        bool isFirst = !_network.HasAddresses;
        bool isChange = _network.TakeLocalAddresses(addresses);
        if (isChange && !isFirst) HandleNetworkChange(now);
        else TellPeers(now);
    }

    /// <summary>The network is another one, though perhaps by the same addresses: another way out is taken, or the machine has slept.</summary>
    public void HandleNetworkChange(Instant now)
    {
        _stun.HandleNetworkChange(now);
        _https.HandleNetworkChange();
        _profiles.HandleNetworkChange();
        _context.Punches.HandleNetworkChange();
        _context.Neighbours.HandleNetworkChange();
        foreach (PeerSession peer in _peers.All)
        {
            peer.Finder.HandleNetworkChange(now);
            peer.Punch.HandleNetworkChange(now);
            peer.RelayProof.Doubt(now);
        }

        TellPeers(now);
    }

    /// <summary>Takes the WireGuard interface's own addresses: never candidates, never probe sources.</summary>
    public void HandleTunnelAddresses(IReadOnlyList<TransportAddress> addresses, Instant now)
    {
        _context.Filter.SetTunnelAddresses(addresses);
        _network.Update(now);
        Settle(now);
    }

    /// <summary>Takes the links this machine is on, as far as they can be named; the first <see cref="AnnouncedLink.MaxLinks"/> count.</summary>
    public void HandleLinks(IReadOnlyList<OwnLink> links, Instant now)
    {
        _context.Links = [.. links.Take(AnnouncedLink.MaxLinks)];
        _peers.HandleOwnLinks(now);
        Settle(now);
    }

    /// <summary>Takes the routers of this machine's own links: a peer's word alone has nothing sent to them.</summary>
    public void HandleGateways(IReadOnlyList<TransportAddress> gateways) => _context.Filter.SetGateways(gateways);

    /// <summary>Takes ranges that lead into the tunnel although none of our peers has them: those of peers that WireGuard reaches without us.</summary>
    public void HandleTunnelRanges(IReadOnlyList<IpPrefix> ranges, Instant now)
    {
        _network.TakeTunnelRanges(ranges, now);
        Settle(now);
    }

    /// <summary>Takes what the gateway offers, and where it lets the world in to our UDP port.</summary>
    public void HandlePortMapping(PortMappingStatus status, Instant now)
    {
        _network.TakePortMapping(status, now);
        _peers.Drain(now);
        Settle(now);
    }

    /// <summary>A relay connection is up: ServerInfo has come.</summary>
    public void HandleRelayConnected(int regionId, Instant now)
    {
        _relays.HandleConnected(regionId, now);
        Settle(now);
    }

    /// <summary>A relay connection was lost, or an attempt at it failed.</summary>
    public void HandleRelayDisconnected(int regionId, Instant now)
    {
        _relays.HandleDisconnected(regionId, now);
        Settle(now);
    }

    /// <summary>Something has come from the relay, if only a keepalive: it lives. To be told every few seconds at most.</summary>
    public void HandleRelayHeard(int regionId, Instant now) => _relays.HandleHeard(regionId, now);

    /// <summary>A relay is about to end, and asks us to leave it for another.</summary>
    /// <param name="regionId">Its region.</param>
    /// <param name="target">The region it names; 0 = none.</param>
    /// <param name="endsIn">When it ends.</param>
    /// <param name="now">The present.</param>
    public void HandleRelayMoving(int regionId, int target, TimeSpan endsIn, Instant now)
    {
        _context.Moves.HandleMove(regionId, target, endsIn, now);
        Settle(now);
    }

    /// <summary>Takes a disco packet that came by relay.</summary>
    public void HandleRelayPacket(int regionId, NodeKey source, ReadOnlySpan<byte> packet, Instant now)
    {
        if (_packets.TryHandleRelayed(regionId, source, packet, now)) Settle(now);
    }

    /// <summary>Takes a STUN or disco datagram.</summary>
    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_packets.TryHandleDatagram(socket, source, datagram, now)) Settle(now); // Anybody can send one: what does not count costs a look-up.
    }

    /// <summary>The relay says that a peer has left or is not there.</summary>
    public void HandlePeerGone(int regionId, NodeKey key, PeerGoneReason reason, Instant now)
    {
        if (_relays.TryHandlePeerGone(regionId, key, reason, now)) Settle(now);
    }

    /// <summary>The system has not opened an extra socket, or has closed it.</summary>
    public void HandleSocketLost(SocketId socket, Instant now)
    {
        if (!_context.Sockets.TryFindOwner(socket, out NodeKey owner) || !_peers.TryFind(owner, out PeerSession? peer)) return;
        peer.Punch.HandleSocketLost(socket, now);
        peer.Drain(now);
        Settle(now);
    }

    /// <summary>The system refused to send on a direct path (no route, network down, not permitted): the path is lost at once.</summary>
    public void HandleSendFailed(NodeKey key, TransportAddress remote, Instant now)
    {
        if (!_peers.TryFind(key, out PeerSession? peer)) return;
        peer.Finder.HandleSendFailed(remote, now);
        peer.Drain(now);
        Settle(now);
    }

    /// <summary>The data plane has news in the peer's <see cref="PathTraffic"/>.</summary>
    public void HandleTraffic(NodeKey key, Instant now)
    {
        if (!_peers.TryFind(key, out PeerSession? peer)) return;
        peer.Finder.HandleTraffic(now);
        peer.Punch.HandleTraffic(now);
        if (!_stun.IsActive)
        {
            _stun.IsActive = true;
            _stun.Refresh(now);
        }

        if (!peer.IsConfirmed) peer.Hellos.Ask(now);
        peer.Drain(now);
        Settle(now);
    }

    /// <summary>How the peer stands; null for a key that was not added.</summary>
    public PeerReport? Describe(NodeKey key, Instant now) => _peers.TryFind(key, out PeerSession? peer) ? PeerReport.Of(_context, peer, now) : null;

    /// <summary>What metrics show.</summary>
    public NodeFigures ReadFigures(Instant now) => NodeFigures.Of(_context, _peers, now);

    /// <summary>What was tried to make a hole to the peer, and what came of it.</summary>
    public PunchOutcome PunchingOf(NodeKey key) => _peers.TryFind(key, out PeerSession? peer) ? peer.Punch.Outcome : PunchOutcome.None;

    private void TellPeers(Instant now)
    {
        _network.Update(now);
        _peers.Drain(now);
        Settle(now);
    }

    /// <summary>What follows from any input: home, the relays that are wanted, and the Hellos that are due.</summary>
    private void Settle(Instant now)
    {
        _https.Update(_stun, now);
        bool hasLeft = _context.Moves.Update(_peers.All, _stun, now);
        int home = _homes.Choose(_stun, now);
        if (home != _context.HomeRegion)
        {
            _network.MoveHome(home, now);
            _context.Moves.Update(_peers.All, _stun, now); // From now on the old relay waits to be left.
        }

        if (_context.TakeDoubt()) _stun.AskAgain(now);
        _profiles.Update(_stun, now);
        _network.UpdateLatencies(now);
        _wants.Update(_peers.All, now);
        if (hasLeft) _peers.Drain(now); // What went by that relay goes by another.
        _peers.SendHellos(now);
    }
}
