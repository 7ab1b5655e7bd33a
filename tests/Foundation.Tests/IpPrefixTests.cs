using Addresses;

namespace Foundation.Tests;

public class IpPrefixTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.255.0.1:1", true)]
    [InlineData("10.0.0.0/8", "11.0.0.1:1", false)]
    [InlineData("10.1.2.3/8", "10.9.9.9:1", true)]
    [InlineData("0.0.0.0/0", "203.0.113.9:1", true)]
    [InlineData("0.0.0.0/0", "[2001:db8::1]:1", false)]
    [InlineData("::/0", "[2001:db8::1]:1", true)]
    [InlineData("::/0", "192.0.2.1:1", false)]
    [InlineData("192.0.2.1", "192.0.2.1:1", true)]
    [InlineData("192.0.2.1", "192.0.2.2:1", false)]
    [InlineData("::ffff:10.0.0.0/104", "10.1.1.1:1", true)]
    public void A_range_contains_its_own_family_only(string range, string text, bool expected)
    {
        Assert.True(IpPrefix.TryParse(range, out IpPrefix prefix));
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));

        Assert.Equal(expected, prefix.Contains(address));
    }

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("::/129")]
    [InlineData("10.0.0/8")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("ten/8")]
    [InlineData("010.0.0.0/8")]
    [InlineData("fe80::1%1/128")]
    [InlineData("::ffff:0.0.0.0/90")]
    public void A_range_that_is_none_is_refused(string text) => Assert.False(IpPrefix.TryParse(text, out _));
}
