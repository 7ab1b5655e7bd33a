using System.Net.Sockets;
using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Node.Traversal.Core.Stun;
using Stun.Protocol;
using Timing;
using NatMapping = Relay.Protocol.Disco.NatMapping;

namespace Simulation.Tests;

/// <summary>How a STUN server of a <see cref="DiscoveryWorld"/> treats those who ask.</summary>
internal sealed record StunServerConduct
{
    /// <summary>Names the other address.</summary>
    public bool NamesOther { get; init; } = true;

    /// <summary>What it names instead of the truth; not valid = the truth.</summary>
    public TransportAddress FalseOther { get; init; }

    /// <summary>What it does with CHANGE-REQUEST.</summary>
    public ChangeConduct Change { get; init; }

    /// <summary>What it does with RESPONSE-PORT.</summary>
    public ChangeConduct ResponsePort { get; init; }

    /// <summary>Has one address with two ports: names no other, and knows CHANGE-REQUEST for the port alone.</summary>
    public bool HasOneAddress { get; init; }

    /// <summary>Is reachable at its other address.</summary>
    public bool HasOther { get; init; } = true;

    /// <summary>Answers everything from another port than the one that was asked.</summary>
    public bool AnswersFromElsewhere { get; init; }

    /// <summary>Loses all answers from elsewhere to the first socket that has asked the other address too, as where a NAT has given its port to two.</summary>
    public bool LosesFirstControl { get; init; }

    /// <summary>Requests a second that it answers, CHANGE-REQUESTs apart from the others; 0 = any number.</summary>
    public int Rate { get; init; }
}

internal enum ChangeConduct
{
    Obeys,
    Refuses,
    Ignores,
    IsSilent,
}

/// <summary>One discovery, one NAT or none, one server with two addresses and two ports, in virtual time.</summary>
internal sealed class DiscoveryWorld
{
    public static readonly TransportAddress Server = Address("203.0.113.1:3478");
    public static readonly TransportAddress Other = Address("203.0.114.1:3479");
    private static readonly TransportAddress PublicAddress = Address("198.51.100.7:0");
    private static readonly TransportAddress LocalNat = Address("192.168.1.10:0");
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    private readonly Random _random;
    private readonly SimNat? _nat;
    private readonly Filtering? _firewall;
    private readonly HashSet<(TransportAddress Local, TransportAddress Remote)> _sent = [];
    private readonly Dictionary<TransportAddress, SocketId> _sockets = [];
    private readonly PriorityQueue<(TransportAddress Source, TransportAddress Destination, byte[] Datagram), long> _wire = new();
    private readonly StunServerConduct _conduct;
    private readonly double _loss;
    private readonly IReadOnlyList<TransportAddress> _servers;
    private readonly HashSet<TransportAddress> _haveAskedOther = [];
    private TransportAddress _firstControl;
    private TokenBucket _plain;
    private TokenBucket _change;
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(1);

    public DiscoveryWorld(NatKind? nat, Filtering? firewall = null, StunServerConduct? conduct = null, double loss = 0, int seed = 1, params IReadOnlyList<TransportAddress> servers)
    {
        _random = new Random(seed);
        _nat = nat is null ? null : new SimNat(nat, PublicAddress, _random);
        _firewall = firewall;
        _conduct = conduct ?? new StunServerConduct();
        _loss = loss;
        _plain = new TokenBucket(Math.Max(1, _conduct.Rate), Math.Max(1, _conduct.Rate), _now);
        _change = _plain;
        _servers = servers.Count == 0 ? [Server] : servers;
    }

    /// <summary>How long it took.</summary>
    public TimeSpan Took { get; private set; }

    /// <summary>The most requests in any second.</summary>
    public int MostASecond { get; private set; }

    /// <summary>Everyone that was sent to.</summary>
    public HashSet<TransportAddress> Destinations { get; } = [];

    private readonly Queue<Instant> _requests = new();

    public NatBehavior Run()
    {
        NatDiscovery discovery = new(_servers, _random.NextBytes);
        Run(discovery);
        return discovery.Result!;
    }

    /// <summary>Asks all servers from one socket.</summary>
    public NatMapping AskAll()
    {
        DestinationsTest test = new(_servers, _random.NextBytes);
        Run(test);
        return test.Result;
    }

    /// <summary>Measures how long an idle mapping is kept.</summary>
    /// <returns>In seconds; 0 = it could not be told.</returns>
    public int MeasureLifetime()
    {
        LifetimeTest test = new(_servers[0], _random.NextBytes);
        Run(test);
        return test.Result!.Value;
    }

    private void Run(IDiscoveryCore core)
    {
        Instant start = _now;
        core.Start(_now);
        while (true)
        {
            Drain(core);
            if (core.IsDone)
            {
                Took = _now - start;
                return;
            }

            Instant next = core.NextTimeout ?? Instant.Never;
            if (_wire.TryPeek(out _, out long at) && new Instant(at) <= next)
            {
                _now = new Instant(at);
                var (source, destination, datagram) = _wire.Dequeue();
                Deliver(core, source, destination, datagram);
            }
            else
            {
                _now = next;
                core.HandleTimeout(_now);
            }
        }
    }

    private static TransportAddress Address(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    private void Drain(IDiscoveryCore core)
    {
        bool isBusy = true;
        while (isBusy)
        {
            isBusy = false;
            while (core.TryDequeueSocket(out SocketId wanted))
            {
                TransportAddress local = (_nat is null ? PublicAddress : LocalNat).WithPort((ushort)_random.Next(32768, 61000));
                _sockets[local] = wanted;
                core.HandleSocket(wanted, local, _now);
                isBusy = true;
            }

            while (core.TryDequeueTransmit(out Transmit transmit))
            {
                Send(_sockets.First(entry => entry.Value == transmit.Socket).Key, transmit.Destination, transmit.Payload);
                isBusy = true;
            }
        }
    }

    private void Send(TransportAddress local, TransportAddress destination, byte[] datagram)
    {
        Destinations.Add(destination);
        _requests.Enqueue(_now);
        while (_now - _requests.Peek() >= TimeSpan.FromSeconds(1)) _requests.Dequeue();
        MostASecond = Math.Max(MostASecond, _requests.Count);

        _sent.Add((local, destination));
        TransportAddress source = _nat?.Out(local, destination, _now) ?? local;
        if (source.IsValid && !IsLost()) _wire.Enqueue((source, destination, datagram), (_now + Delay).Ticks);
    }

    private void Deliver(IDiscoveryCore core, TransportAddress source, TransportAddress destination, byte[] datagram)
    {
        if (destination.Bits == Server.Bits || destination.Bits == Other.Bits)
        {
            AnswerAt(destination, source, datagram);
            return;
        }

        if (destination.Bits != PublicAddress.Bits) return;
        bool isHairpin = source.Bits == PublicAddress.Bits;
        if (isHairpin && _nat is { Kind.Hairpins: false }) return;
        TransportAddress local = _nat?.In(source, destination.Port, _now) ?? (PassesFirewall(destination, source) ? destination : default);
        if (local.IsValid && _sockets.TryGetValue(local, out SocketId socket)) core.HandleDatagram(socket, source, datagram, _now);
    }

    private bool PassesFirewall(TransportAddress local, TransportAddress remote) => _firewall switch
    {
        Filtering.AddressAndPortDependent => _sent.Contains((local, remote)),
        Filtering.AddressDependent => _sent.Any(sent => sent.Local == local && sent.Remote.Bits == remote.Bits),
        _ => true,
    };

    private void AnswerAt(TransportAddress at, TransportAddress source, byte[] datagram)
    {
        if ((at.Port != Server.Port && at.Port != Other.Port) || (!_conduct.HasOther && at != Server)) return;
        if (_conduct.HasOneAddress && at.Bits != Server.Bits) return;
        if (!StunHeader.TryRead(datagram, out StunHeader header) || header.Type != StunMessageType.BindingRequest) return;

        ChangeRequest change = default;
        ushort answerTo = 0;
        StunAttributeReader attributes = new(datagram.AsSpan(StunHeader.Length));
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            if (type == StunAttributeType.ChangeRequest) ChangeRequest.TryRead(value, out change);
            if (type == StunAttributeType.ResponsePort) ResponsePort.TryRead(value, out answerTo);
        }

        bool isChange = change != default;
        if (at == Other) _haveAskedOther.Add(source);
        if (isChange && _conduct.LosesFirstControl && _haveAskedOther.Contains(source))
        {
            if (!_firstControl.IsValid) _firstControl = source;
            if (source == _firstControl) return;
        }

        if (_conduct.Rate > 0 && !(isChange ? ref _change : ref _plain).TryTake(1, _now)) return;
        if (isChange && _conduct.Change == ChangeConduct.IsSilent) return;
        if (answerTo != 0 && _conduct.ResponsePort == ChangeConduct.IsSilent) return;
        bool isRefused = (isChange && _conduct.Change == ChangeConduct.Refuses) || (answerTo != 0 && _conduct.ResponsePort == ChangeConduct.Refuses);
        isRefused |= _conduct.HasOneAddress && change.ChangeAddress;
        bool isChanged = isChange && _conduct.Change == ChangeConduct.Obeys;
        TransportAddress from = _conduct.AnswersFromElsewhere ? at.WithPort(5000) : at;
        if (isChanged && change.ChangeAddress) from = (from.Bits == Server.Bits ? Other : Server).WithPort(from.Port);
        if (isChanged && change.ChangePort) from = from.WithPort(from.Port == Server.Port ? Other.Port : Server.Port);
        if (isChanged && !_conduct.HasOther) return;
        TransportAddress to = answerTo != 0 && _conduct.ResponsePort == ChangeConduct.Obeys ? source.WithPort(answerTo) : source;
        if (!IsLost()) _wire.Enqueue((from, to, Answer(header.TransactionId, source, isRefused)), (_now + Delay).Ticks);
    }

    private byte[] Answer(TransactionId id, TransportAddress source, bool isRefused)
    {
        byte[] buffer = new byte[128];
        StunMessageWriter writer = new(buffer, isRefused ? StunMessageType.BindingError : StunMessageType.BindingSuccess, id);
        if (isRefused) StunErrorCode.UnknownAttribute.AddTo(ref writer);
        else XorMappedAddress.AddTo(ref writer, id, source);
        TransportAddress other = _conduct.FalseOther.IsValid ? _conduct.FalseOther : Other;
        if (!isRefused && _conduct is { NamesOther: true, HasOneAddress: false }) MappedAddress.AddTo(ref writer, StunAttributeType.OtherAddress, other);
        return writer.Written.ToArray();
    }

    private bool IsLost() => _random.NextDouble() < _loss;
}
