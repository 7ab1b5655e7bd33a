using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Io;
using Node.Traversal.Io.Relay;
using Relay.Protocol;
using Timing;

namespace Node.Traversal.Tests.Io;

/// <summary>The whole way of a packet: WireGuard, agent, UDP, agent, WireGuard. Alone, because it counts what the process allocates.</summary>
[Collection(nameof(DataPathTests))]
[CollectionDefinition(nameof(DataPathTests), DisableParallelization = true)]
public sealed class DataPathTests : IAsyncDisposable
{
    private const int PacketLength = 1300;
    private const int BurstLength = 40;
    private const int NumberAt = 16; // Behind the header of WireGuard's data.

    private readonly End _a = new("127.98.1.1");
    private readonly End _b = new("127.98.1.2");

    public DataPathTests()
    {
        _a.LeadTo(_b);
        _b.LeadTo(_a);
    }

    [Fact]
    public void Packets_arrive_both_ways_in_order_and_none_allocates()
    {
        const int Bursts = 1000;
        Carry(50); // Compiled, and with buffers.

        long before = GC.GetTotalAllocatedBytes(precise: true);
        Carry(Bursts);
        long allocated = GC.GetTotalAllocatedBytes(precise: true) - before;

        // The whole process is counted, so a little of it is the runtime's; a byte a packet would be ten times as much.
        Assert.True(allocated < Bursts * BurstLength * 2 / 10, $"{allocated} bytes for {Bursts * BurstLength * 2} packets");
    }

    public async ValueTask DisposeAsync()
    {
        await _a.DisposeAsync();
        await _b.DisposeAsync();
    }

    private void Carry(int bursts)
    {
        for (int i = 0; i < bursts; i++)
        {
            _a.SendBurst();
            _b.ReceiveBurst();
            _b.SendBurst();
            _a.ReceiveBurst();
        }
    }

    /// <summary>A WireGuard of the test's own, and the data plane of a node beside it. The path is given, so no relay and no checks are needed.</summary>
    private sealed class End : IAsyncDisposable
    {
        private readonly Socket _wireGuard = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        private readonly WireGuardProxy _proxy = new();
        private readonly WireGuardLink _link;
        private readonly SocketAddress _linkAddress = new(AddressFamily.InterNetwork);
        private readonly byte[] _packet = new byte[PacketLength];
        private readonly byte[] _received = new byte[2048];
        private readonly UdpSockets _sockets;
        private readonly NodeLoop _loop;
        private readonly RelayConnections _relays;
        private readonly DatagramDemux _demux;
        private readonly TraversalPeer _peer;

        public End(string linkAddress)
        {
            _wireGuard.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            NodeKeyPair keys = NodeKeyPair.FromPrivateKey(RandomNumberGenerator.GetBytes(NodeKey.Length));
            TraversalCounters counters = new();
            MonotonicClock clock = MonotonicClock.System;
            _sockets = UdpSockets.Bind(0, keys.PublicKey, mark: 0);
            NodeCore core = new(new NodeCoreOptions { Keys = keys, Entropy = RandomNumberGenerator.Fill, StartedAt = 1, UdpPort = _sockets.Port }, RelayMap.Empty, clock.Now);
            _loop = new NodeLoop(core, clock, counters, _ => { }, _ => { }, NullLogger.Instance);
            MarkedDns dns = new(() => 0, TimeProvider.System, NullLogger.Instance);
            RelayDialer dialer = new(keys, new RelayTransport(dns, () => 0, () => ProxySettings.None, TimeProvider.System, NullLogger.Instance), null, TimeProvider.System);
            _relays = new RelayConnections(keys, _loop, dialer, new(), clock, counters, NullLogger.Instance) { Map = RelayMap.Empty };
            _demux = new DatagramDemux(_loop, counters, clock);

            _proxy.SetWireGuardPort((ushort)((IPEndPoint)_wireGuard.LocalEndPoint!).Port);
            _link = _proxy.Open(TransportAddress.From(IPAddress.Parse(linkAddress), 0));
            _link.Address.ToIPEndPoint().Serialize().Buffer.CopyTo(_linkAddress.Buffer);
            _peer = new TraversalPeer(new TraversalPeerOptions { PublicKey = keys.PublicKey, Sink = _link }, new DataPlane(clock, counters, _sockets) { Loop = _loop, Relays = _relays });
            _link.SendTo(_peer.SendBatch);
            _packet[0] = 4; // WireGuard's data.
        }

        public void LeadTo(End other)
        {
            TransportAddress remote = TransportAddress.FromIpv4(0x7f000001, other._sockets.Port);
            _peer.SetPath(SelectedPath.Direct(new PairId(SocketId.Ipv4, remote), 0, isSuspect: false));
            _demux.Learn(remote, _peer);
            _sockets.Start(_demux.Receive);
        }

        public void SendBurst()
        {
            for (byte i = 0; i < BurstLength; i++)
            {
                _packet[NumberAt] = i;
                _wireGuard.SendTo(_packet, SocketFlags.None, _linkAddress);
            }
        }

        public void ReceiveBurst()
        {
            for (byte i = 0; i < BurstLength; i++)
            {
                int length = _wireGuard.Receive(_received);
                if (length != PacketLength || _received[NumberAt] != i) Assert.Fail($"{length} bytes, packet {_received[NumberAt]} where {i} was to come");
            }
        }

        public async ValueTask DisposeAsync()
        {
            _proxy.Dispose();
            _sockets.Dispose();
            await _relays.DisposeAsync();
            await _loop.DisposeAsync();
            _wireGuard.Dispose();
        }
    }
}
