using Addresses;
using Node.Traversal.Core.Netcheck;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class Nat64PrefixTests
{
    [Theory] // The addresses of RFC 6052 §2.4.
    [InlineData("[2001:db8:c000:aa::]:0", "[2001:db8:c000:221::]:443")]
    [InlineData("[2001:db8:1c0:0:aa::]:0", "[2001:db8:1c0:2:21::]:443")]
    [InlineData("[2001:db8:122:c000:0:aa00::]:0", "[2001:db8:122:c000:2:2100::]:443")]
    [InlineData("[2001:db8:122:3c0:0:aa::]:0", "[2001:db8:122:3c0:0:221::]:443")]
    [InlineData("[2001:db8:122:344:c0:0:aa00:0]:0", "[2001:db8:122:344:c0:2:2100:0]:443")]
    [InlineData("[2001:db8:122:344::192.0.0.170]:0", "[2001:db8:122:344::192.0.2.33]:443")]
    [InlineData("[64:ff9b::192.0.0.171]:0", "[64:ff9b::192.0.2.33]:443")]
    public void Every_length_of_a_prefix_is_found_and_used(string answer, string translated)
    {
        TransportAddress ipv4 = Address("192.0.2.33:443");

        Assert.True(Nat64Prefix.TryFind([Address("192.0.0.170:0"), Address(answer)], out Nat64Prefix prefix));

        Assert.Equal(Address(translated), prefix.Translate(ipv4));
        Assert.True(prefix.Contains(Address(translated)));
        Assert.Equal(ipv4, prefix.Ipv4In(Address(translated)));
    }

    [Fact]
    public void Where_no_answer_is_made_of_the_names_own_addresses_there_is_no_nat64()
    {
        Assert.False(Nat64Prefix.TryFind([], out _));
        Assert.False(Nat64Prefix.TryFind([Address("192.0.0.170:0"), Address("192.0.0.171:0")], out _));
        Assert.False(Nat64Prefix.TryFind([Address("[2001:db8::192.0.0.169]:0"), Address("[2001:db8::1]:0")], out _)); // A name server that sends everybody to its own page.
    }

    [Theory]
    [InlineData("192.168.1.1:443")]
    [InlineData("127.0.0.1:443")]
    [InlineData("169.254.169.254:443")]
    [InlineData("[2001:db8::1]:443")]
    public void What_no_nat64_leads_to_stays_as_it_is(string address)
    {
        Assert.True(Nat64Prefix.TryFind([Address("[64:ff9b::192.0.0.170]:0")], out Nat64Prefix prefix));

        Assert.Equal(Address(address), prefix.Translate(Address(address)));
    }
}
