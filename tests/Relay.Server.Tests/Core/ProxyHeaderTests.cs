using System.Numerics;
using System.Text;
using Addresses;
using Relay.Protocol;
using Relay.Server.Core;

namespace Relay.Server.Tests.Core;

public class ProxyHeaderTests
{
    private const string Signature = "0d0a0d0a000d0a515549540a";
    private const string Ipv4 = "cb00710ac0000201d4311f90"; // 203.0.113.10:54321 to 192.0.2.1:8080.
    private const string Ipv6 = "20010db800000000000000000000000a20010db8000000000000000000000001d43101bb";

    [Theory]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 54321 443\r\n", "203.0.113.10:54321")]
    [InlineData("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535")]
    [InlineData("PROXY TCP6 2001:db8::a 2001:db8::1 54321 443\r\n", "[2001:db8::a]:54321")]
    [InlineData("PROXY TCP6 ::ffff:203.0.113.10 ::1 1 2\r\n", "203.0.113.10:1")]
    [InlineData("PROXY UNKNOWN\r\n", "none")]
    [InlineData("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "none")]
    public void Version_1_says_whose_the_connection_is_however_it_is_cut(string text, string source)
    {
        byte[] input = Encoding.ASCII.GetBytes(text + "GET / HTTP/1.1\r\n");
        for (int length = 0; length < text.Length; length++) Assert.False(ProxyHeader.TryRead(input.AsSpan(0, length), out _));

        Assert.True(ProxyHeader.TryRead(input, out ProxyHeader header));

        Assert.Equal((source, text.Length), (header.Source.ToString(), header.Length));
    }

    [Theory]
    [InlineData("2111000c" + Ipv4, "203.0.113.10:54321")]
    [InlineData("21210024" + Ipv6, "[2001:db8::a]:54321")]
    [InlineData("21110013" + Ipv4 + "04000400000000", "203.0.113.10:54321")] // With a NOOP of four bytes.
    [InlineData("20000000", "none")] // LOCAL.
    [InlineData("2011000c" + Ipv4, "none")] // LOCAL with addresses.
    [InlineData("21000005aabbccddee", "none")] // Unspecified.
    public void Version_2_says_whose_the_connection_is_however_it_is_cut(string hex, string source)
    {
        byte[] whole = Convert.FromHexString(Signature + hex);
        byte[] input = [.. whole, 0x16, 3, 1];
        for (int length = 0; length < whole.Length; length++) Assert.False(ProxyHeader.TryRead(input.AsSpan(0, length), out _));

        Assert.True(ProxyHeader.TryRead(input, out ProxyHeader header));

        Assert.Equal((source, whole.Length), (header.Source.ToString(), header.Length));
    }

    [Theory]
    [InlineData("160301")]
    [InlineData("474554202f")] // GET /
    [InlineData("504f5354202f")] // POST /
    [InlineData("0d0a0d0b")]
    public void What_begins_otherwise_has_none(string hex)
    {
        Assert.True(ProxyHeader.TryRead(Convert.FromHexString(hex), out ProxyHeader header));

        Assert.Equal((false, 0), (header.Source.IsValid, header.Length));
    }

    [Theory]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 54321\r\n")]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 54321 443 1\r\n")]
    [InlineData("PROXY TCP5 203.0.113.10 192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY TCP4 203.0.113.1000 192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY TCP4 1 192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY TCP4 2001:db8::a 192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY TCP6 203.0.113.10 192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY TCP6 fe80::1%2 2001:db8::1 54321 443\r\n")]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 65536 443\r\n")]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 -1 443\r\n")]
    [InlineData("PROXY TCP4 203.0.113.10 192.0.2.1 0443 443\r\n")]
    [InlineData("PROXY TCP4 203.0.113.10  192.0.2.1 54321 443\r\n")]
    [InlineData("PROXY \r\n")]
    public void A_malformed_header_of_version_1_is_refused(string text) => Refuses(Encoding.ASCII.GetBytes(text));

    [Fact]
    public void A_line_without_an_end_is_refused() => Refuses([.. "PROXY TCP4 "u8, .. new byte[ProxyHeader.MaxTextLength]]);

    [Theory]
    [InlineData("1111000c" + Ipv4)] // Version 1.
    [InlineData("2211000c" + Ipv4)] // A command there is not.
    [InlineData("2113000c" + Ipv4)] // A protocol there is not.
    [InlineData("2141000c" + Ipv4)] // A family there is not.
    [InlineData("2111000b" + Ipv4)] // Shorter than its addresses.
    [InlineData("2121000c" + Ipv4)]
    [InlineData("2111000e" + Ipv4 + "0400")] // An extra cut off.
    [InlineData("21110010" + Ipv4 + "04000500")]
    [InlineData("21110013" + Ipv4 + "03000400000000")] // A wrong checksum.
    [InlineData("21111000")] // Far too long.
    public void A_malformed_header_of_version_2_is_refused(string hex) => Refuses(Convert.FromHexString(Signature + hex));

    [Fact]
    public void A_right_checksum_passes()
    {
        byte[] header = Convert.FromHexString(Signature + "21110013" + Ipv4 + "03000400000000");
        uint crc = uint.MaxValue;
        foreach (byte one in header) crc = BitOperations.Crc32C(crc, one);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(header.Length - 4), ~crc);

        Assert.True(ProxyHeader.TryRead(header, out ProxyHeader read));

        Assert.Equal("203.0.113.10:54321", read.Source.ToString());
    }

    [Theory]
    [InlineData("198.51.100.7", "198.51.100.7:0")]
    [InlineData("198.51.100.7:99", "198.51.100.7:99")]
    [InlineData("2001:db8::7", "[2001:db8::7]:0")]
    [InlineData("[2001:db8::7]", "[2001:db8::7]:0")]
    [InlineData("[2001:db8::7]:99", "[2001:db8::7]:99")]
    [InlineData("::ffff:198.51.100.7", "198.51.100.7:0")]
    [InlineData("6.6.6.6, 198.51.100.7", "198.51.100.7:0")] // What the client itself has written does not count.
    [InlineData("nonsense, 198.51.100.7", "198.51.100.7:0")]
    [InlineData("198.51.100.7, 10.0.0.9", "198.51.100.7:0")] // Two proxies of ours.
    [InlineData("10.0.0.8,10.0.0.9", "10.0.0.8:0")]
    [InlineData("", "10.0.0.1:5")]
    public void The_client_is_the_last_whom_no_proxy_of_ours_is(string forwardedFor, string client)
    {
        TrustedProxies proxies = new([Prefix("10.0.0.0/8")]);

        Assert.Equal(client, proxies.ClientOf(Address("10.0.0.1:5"), forwardedFor).ToString());
        Assert.Equal("192.0.2.9:5", proxies.ClientOf(Address("192.0.2.9:5"), forwardedFor).ToString()); // Not one of ours.
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("198.51.100")]
    [InlineData("198.51.100.7, ")]
    [InlineData("[198.51.100.7]:1:2")]
    [InlineData("fe80::1%eth0")]
    public void A_proxy_of_ours_that_writes_nonsense_is_not_believed(string forwardedFor)
    {
        TrustedProxies proxies = new([Prefix("10.0.0.0/8")]);

        Assert.Throws<RelayProtocolException>(() => proxies.ClientOf(Address("10.0.0.1:5"), forwardedFor));
        Assert.Throws<RelayProtocolException>(() => proxies.ClientOf(Address("10.0.0.1:5"), string.Join(',', Enumerable.Repeat("10.0.0.2", 33))));
    }

    [Fact]
    public void The_head_of_a_request_says_it_to_the_connection_and_nonsense_ends_it_with_a_status()
    {
        RelayWorld world = new(trustedProxies: new TrustedProxies([Prefix("10.0.0.0/8")]));
        ClientConnection good = world.Connect();
        good.Remote = Address("10.0.0.1:5");
        ClientConnection bad = world.Connect();
        bad.Remote = Address("10.0.0.1:5");

        world.Receive(good, "GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nX-Forwarded-For: 198.51.100.7\r\nx-forwarded-for: 10.0.0.2\r\n\r\n"u8);
        world.Receive(bad, "GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nX-Forwarded-For: me\r\n\r\n"u8);

        Assert.Equal((ConnectionPhase.Login, "198.51.100.7:0"), (good.Phase, good.Remote.ToString()));
        Assert.Equal((ConnectionPhase.Closed, CloseReason.BadProxyHeader), (bad.Phase, bad.CloseReason));
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", Encoding.ASCII.GetString(bad.TakeGreeting()!), StringComparison.Ordinal);
        Assert.Equal(1, world.Counters.Closed(CloseReason.BadProxyHeader));
    }

    private static void Refuses(byte[] header) => Assert.Throws<RelayProtocolException>(() => ProxyHeader.TryRead(header, out _));

    private static TransportAddress Address(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
