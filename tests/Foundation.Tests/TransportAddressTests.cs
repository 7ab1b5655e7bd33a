using System.Net;
using System.Runtime.CompilerServices;
using Addresses;

namespace Foundation.Tests;

public class TransportAddressTests
{
    [Theory]
    [InlineData("192.0.2.1:3478")]
    [InlineData("[2001:db8::1]:41641")]
    [InlineData("0.0.0.0:0")]
    public void The_text_form_survives_a_round_trip(string text)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));

        Assert.Equal(text, address.ToString());
        Assert.Equal(address, TransportAddress.From(IPEndPoint.Parse(text)));
    }

    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("192.0.2.1:")]
    [InlineData("192.0.2.1:65536")]
    [InlineData("127.1:80")]
    [InlineData("010.0.0.1:80")]
    [InlineData("0x7f.0.0.1:80")]
    [InlineData("2001:db8::1:80")]
    [InlineData("[192.0.2.1]:80")]
    [InlineData("[2001:db8::1]")]
    [InlineData(":80")]
    [InlineData("")]
    [InlineData("host:80")]
    public void What_is_not_an_address_with_a_port_is_refused(string text) => Assert.False(TransportAddress.TryParse(text, out _));

    [Fact]
    public void A_mapped_address_is_the_ipv4_address_it_maps()
    {
        Assert.True(TransportAddress.TryParse("[::ffff:192.0.2.1]:80", out TransportAddress mapped));
        Assert.True(TransportAddress.TryParse("192.0.2.1:80", out TransportAddress plain));

        Assert.Equal(plain, mapped);
        Assert.True(mapped.IsIpv4);
    }

    [Fact]
    public void It_is_32_bytes_long() => Assert.Equal(32, Unsafe.SizeOf<TransportAddress>()); // Batches and tables hold thousands.

    [Fact]
    public void A_link_local_address_may_say_on_which_link_and_the_wire_never_does()
    {
        Assert.True(TransportAddress.TryParse("[fe80::1]:41641", out TransportAddress plain));
        byte[] bytes = new byte[16];

        TransportAddress zoned = plain.WithZone(3);
        zoned.WriteBytes16(bytes);

        Assert.Equal("[fe80::1%3]:41641", zoned.ToString());
        Assert.Equal(3, zoned.ToIPAddress().ScopeId);
        Assert.NotEqual(plain, zoned);
        Assert.NotEqual(plain.WithZone(4), zoned);
        Assert.Equal(3u, zoned.WithPort(5000).Zone);
        Assert.Equal(plain, TransportAddress.FromBytes16(bytes, 41641));
        Assert.Equal(plain, zoned.WithZone(0));
    }

    [Theory]
    [InlineData("[fe80::1]:1", true)]
    [InlineData("[febf:ffff::1]:1", true)]
    [InlineData("[fec0::1]:1", false)]
    [InlineData("[fe7f::1]:1", false)]
    [InlineData("[ff02::1]:1", false)]
    [InlineData("[2001:db8::1]:1", false)]
    [InlineData("169.254.1.1:1", false)]
    public void Only_a_link_local_ipv6_address_has_a_zone(string text, bool isLinkLocal)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));

        Assert.Equal(isLinkLocal, address.IsIpv6LinkLocal);
        Assert.Equal(isLinkLocal ? 7u : 0, address.WithZone(7).Zone);
    }

    [Fact]
    public void Sixteen_bytes_carry_both_families()
    {
        Assert.True(TransportAddress.TryParse("192.0.2.1:41641", out TransportAddress address));
        byte[] bytes = new byte[16];

        address.WriteBytes16(bytes);

        Assert.Equal("00000000000000000000FFFFC0000201", Convert.ToHexString(bytes));
        Assert.Equal(address, TransportAddress.FromBytes16(bytes, 41641));
    }
}
