using Addresses;
using BenchmarkDotNet.Attributes;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Relay.Protocol.Frames;
using Stun.Protocol;

namespace Benchmarks;

/// <summary>What every packet and every check costs to spell: no codec allocates.</summary>
[MemoryDiagnoser]
public class CodecBenchmarks
{
    private readonly byte[] _frame = new byte[PacketFrame.PrefixLength + 1400];
    private readonly byte[] _request = new byte[StunBindingRequest.Length];
    private readonly byte[] _message = new byte[DiscoPing.Length];
    private readonly byte[] _box = new byte[DiscoPing.Length + Box.Overhead];
    private readonly byte[] _nonce = new byte[Box.NonceLength];
    private readonly byte[] _response = new byte[64];
    private int _responseLength;
    private Box _shared = null!;
    private NodeKey _key;

    [GlobalSetup]
    public void Prepare()
    {
        NodeKeyPair own = NodeKeyPair.FromPrivateKey([.. Enumerable.Repeat((byte)1, 32)]);
        NodeKeyPair other = NodeKeyPair.FromPrivateKey([.. Enumerable.Repeat((byte)2, 32)]);
        _key = other.PublicKey;
        _shared = new Box(own, _key);
        _responseLength = StunBindingResponse.Write(_response, default, TransportAddress.FromIpv4(0xc0000201, 41641));
    }

    [Benchmark]
    public bool Rewrite_a_packet_frame()
    {
        PacketFrame.WritePrefix(_frame, FrameType.RecvPacket, _key, 1400);
        return PacketFrame.TryRead(_frame.AsSpan(FrameHeader.Length), out _, out _);
    }

    [Benchmark]
    public PacketKind Tell_the_kind_of_a_packet() => PacketKinds.Of(_frame.AsSpan(PacketFrame.PrefixLength));

    [Benchmark]
    public bool Seal_and_open_a_ping()
    {
        new DiscoPing(default, _key).Write(_message);
        _shared.Seal(_message, _nonce, _box);
        return _shared.TryOpen(_box, _nonce, _message);
    }

    [Benchmark]
    public bool Ask_and_read_stun()
    {
        StunBindingRequest.Write(_request, default);
        return StunBindingResponse.TryRead(_response.AsSpan(0, _responseLength), out _, out _);
    }
}
