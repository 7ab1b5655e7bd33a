using Addresses;
using CsCheck;
using Relay.Protocol.Disco;

namespace Relay.Protocol.Tests;

public class DiscoTests
{
    private const string EnvelopeHex = "5453f09f92ac" + Golden.ClientKeyHex + "000102030405060708090a0b0c0d0e0f1011121314151617";
    private const string PingHex = EnvelopeHex + "8f42dbe1ccf7f0e7a74cbb575599cc30aded7314ed3e3cff645813fdac17986a083643a3109747abbe9c5396124cc7c46cca849fe384679a881b22b81422";
    private const string PongHex = EnvelopeHex + "ab4820efc8eed45df41332ce83bb672eaeed7314ed3e3cff645813fdac179fc9748a5783835ff0fe9d78837e7cf9435a";
    private const string CallMeMaybeHex = EnvelopeHex + "10ffec4ddfa05ca50b678ee61f74cbc1afed7216ee3a39f963501af758e45fc9768bf52aa35efd466287437e7ef8e1f3261bee3612c0";

    private static readonly PingId Id = PingId.Read(Golden.Bytes("0102030405060708090a0b0c"));

    [Fact]
    public void Ping_is_byte_exact_and_reads_back()
    {
        byte[] message = new byte[DiscoPing.Length];
        DiscoPing ping = new(Id, Golden.Client.PublicKey);

        ping.Write(message);

        Assert.Equal(PingHex, Golden.Hex(Seal(message)));
        Assert.True(DiscoPing.TryRead(Open(PingHex), out DiscoPing read));
        Assert.Equal(ping, read);
    }

    [Fact]
    public void Pong_is_byte_exact_and_reads_back()
    {
        byte[] message = new byte[DiscoPong.Length];
        DiscoPong pong = new(Id, Address("192.0.2.1:41641"));

        pong.Write(message);

        Assert.Equal(PongHex, Golden.Hex(Seal(message)));
        Assert.True(DiscoPong.TryRead(Open(PongHex), out DiscoPong read));
        Assert.Equal(pong, read);
    }

    [Fact]
    public void CallMeMaybe_is_byte_exact_and_reads_back()
    {
        TransportAddress[] addresses = [Address("192.0.2.1:41641"), Address("[2001:db8::1]:41641")];

        Assert.Equal(CallMeMaybeHex, Golden.Hex(Seal(CallMeMaybe.ToMessage(addresses))));
        Assert.Equal(addresses, CallMeMaybe.Read(Open(CallMeMaybeHex)));
    }

    [Fact]
    public void CallMeMaybe_says_and_hears_no_more_than_its_limit()
    {
        TransportAddress[] many = [.. Enumerable.Range(0, 10_000).Select(i => TransportAddress.FromIpv4((uint)i, 1))];

        Assert.Equal(CallMeMaybe.MaxAddresses, CallMeMaybe.Read(CallMeMaybe.ToMessage(many)).Length);
        Assert.Equal(CallMeMaybe.MaxAddresses, CallMeMaybe.Read([3, 0, .. new byte[18 * 10_000]]).Length);
        Assert.Empty(CallMeMaybe.Read([3, 0, .. new byte[19]]));
        Assert.Empty(CallMeMaybe.Read([3, 1, .. new byte[18]]));
    }

    [Fact]
    public void Hello_reads_back_whole()
    {
        Hello hello = SomeHello();

        Assert.True(Hello.TryRead(hello.ToMessage(), out Hello? read));
        Assert.Equal(hello, read);
        Assert.True(Hello.TryRead((hello with { Echo = null }).ToMessage(), out read));
        Assert.Equal(hello with { Echo = null }, read);
    }

    [Fact]
    public void Hello_is_byte_exact() => Assert.Equal(
        "40008a01c420" + Golden.ClientKeyHex + "02c420" + Golden.ServerKeyHex
        + "03cf0006501e0b1c0000" + "0407" + "05c420" + Golden.ServerKeyHex + "06c420" + Golden.ClientKeyHex + "07cd0384"
        + "088c" + "0104" + "0201" + "0302" + "0402" + "05fe" + "06cd0800" + "07cd0bff" + "0801" + "091e" + "0a01" + "0b01" + "0c01"
        + "0982" + "0101" + "0201" + "0ac3",
        Golden.Hex(SomeHello().ToMessage()));

    [Fact]
    public void Latencies_are_byte_exact_and_read_back_in_their_order()
    {
        byte[] without = SomeHello().ToMessage();
        byte[] message = (SomeHello() with { Latencies = [new(900, 7), new(3, 212)] }).ToMessage();

        Assert.Equal(Golden.Hex(without)[6..] + "1e82" + "cd038407" + "03ccd4", Golden.Hex(message)[6..]); // Behind the map's header, which counts one field more.
        Assert.Equal(without[2] + 1, message[2]);
        Assert.True(Hello.TryRead(message, out Hello? read));
        Assert.Equal([new(900, 7), new(3, 212)], read!.Latencies);
    }

    [Fact]
    public void Of_latencies_no_more_than_the_limit_are_said_and_heard()
    {
        RegionLatency[] many = [.. Enumerable.Range(1, 40).Select(region => new RegionLatency(region, region))];

        Assert.True(Hello.TryRead((SomeHello() with { Latencies = many }).ToMessage(), out Hello? read));
        Assert.Equal(many[..RegionLatency.MaxRegions], read!.Latencies);

        // A hostile peer's forty, one after the other.
        Assert.True(Hello.TryRead(WithLatencies("de0028" + string.Concat(many.Select(one => $"{one.RegionId:x2}{one.Milliseconds:x2}"))), out read));
        Assert.Equal(many[..RegionLatency.MaxRegions], read!.Latencies);
    }

    [Theory]
    [InlineData("8100" + "05")] // No region has the number 0.
    [InlineData("81ff" + "05")]
    [InlineData("81ce80000000" + "05")]
    [InlineData("8101" + "ff")]
    [InlineData("8101" + "cd2711")] // 10 001 ms.
    public void A_latency_that_cannot_be_is_passed_over(string latencies)
    {
        Assert.True(Hello.TryRead(WithLatencies(latencies), out Hello? read));
        Assert.Empty(read!.Latencies);
    }

    [Fact]
    public void Of_a_region_that_is_told_twice_the_first_counts()
    {
        Assert.True(Hello.TryRead(WithLatencies("8201050106"), out Hello? read));
        Assert.Equal([new(1, 5)], read!.Latencies);
    }

    [Theory]
    [InlineData("05")] // No map.
    [InlineData("8101")] // Its end is missing.
    [InlineData("df7fffffff")] // More than there is.
    public void Latencies_that_are_none_make_the_Hello_malformed(string latencies) => Assert.False(Hello.TryRead(WithLatencies(latencies), out _));

    [Fact]
    public void No_truncated_flipped_or_random_message_throws()
    {
        byte[] hello = (SomeHello() with { Latencies = [new(900, 7), new(3, 212)] }).ToMessage();
        Gen.Select(Gen.Int[0, hello.Length - 1], Gen.Byte, Gen.Int[0, hello.Length]).Sample((at, value, length) =>
        {
            byte[] damaged = hello.ToArray();
            damaged[at] = value;
            _ = Hello.TryRead(damaged.AsSpan(0, length), out _);
        });
        Gen.Byte.Array[0, 300].Sample(bytes =>
        {
            _ = Hello.TryRead(bytes, out _);
            _ = DiscoPing.TryRead(bytes, out _);
            _ = DiscoPong.TryRead(bytes, out _);
            _ = CallMeMaybe.Read(bytes);
            _ = DiscoEnvelope.TryReadSender(bytes, out _);
        });
    }

    [Fact]
    public void A_changed_envelope_does_not_open()
    {
        byte[] envelope = Golden.Bytes(PingHex);
        envelope[^1] ^= 1;

        Assert.False(DiscoEnvelope.TryOpen(envelope, new Box(Golden.Server, Golden.Client.PublicKey), new byte[DiscoPing.Length]));
    }

    [Fact]
    public void A_weak_key_opens_nothing()
    {
        Box weak = new(Golden.Server, default);
        byte[] sealedByAnyone = new byte[Box.Overhead];
        weak.Seal([], Golden.FirstNonce, sealedByAnyone);

        Assert.False(weak.TryOpen(sealedByAnyone, Golden.FirstNonce, []));
    }

    private static Hello SomeHello() => new()
    {
        Sender = Golden.Client.PublicKey,
        Receiver = Golden.Server.PublicKey,
        StartedAt = 0x0006501e0b1c0000,
        Counter = 7,
        DiscoKey = new DiscoKey(Golden.Server.PublicKey),
        Echo = new DiscoKey(Golden.Client.PublicKey),
        AsksForAnswer = true,
        HomeRegion = 900,
        Nat = new NatProfile(NatMapping.AddressAndPortDependent, UdpReach.Works)
        {
            Filtering = NatFiltering.AddressDependent,
            Allocation = NatPortAllocation.Sequential,
            PortStep = -2,
            LowestPort = 2048,
            HighestPort = 3071,
            Hairpins = false,
            LifetimeSeconds = 30,
            IsNested = true,
            IsCarrierGrade = true,
            OffersPortMapping = true,
        },
        NatIpv6 = new NatProfile(NatMapping.EndpointIndependent, UdpReach.Works),
    };

    /// <summary>A Hello whose latencies are these bytes.</summary>
    private static byte[] WithLatencies(string hex)
    {
        byte[] message = [.. SomeHello().ToMessage(), 30, .. Golden.Bytes(hex)];
        message[2]++;
        return message;
    }

    private static byte[] Seal(byte[] message) =>
        DiscoEnvelope.Seal(Golden.Client.PublicKey, new Box(Golden.Client, Golden.Server.PublicKey), Golden.FirstNonce, message);

    private static byte[] Open(string hex)
    {
        byte[] envelope = Golden.Bytes(hex);
        Assert.True(DiscoEnvelope.TryReadSender(envelope, out NodeKey sender));
        byte[] message = new byte[envelope.Length - DiscoEnvelope.Overhead];
        Assert.True(DiscoEnvelope.TryOpen(envelope, new Box(Golden.Server, sender), message));
        return message;
    }

    private static TransportAddress Address(string text) =>
        TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
