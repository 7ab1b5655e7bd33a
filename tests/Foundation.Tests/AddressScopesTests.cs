using Addresses;

namespace Foundation.Tests;

public class AddressScopesTests
{
    [Theory]
    [InlineData("10.1.2.3:1", AddressScope.Private)]
    [InlineData("100.64.3.10:1", AddressScope.Private)]
    [InlineData("172.31.255.255:1", AddressScope.Private)]
    [InlineData("172.32.0.1:1", AddressScope.Global)]
    [InlineData("127.0.0.53:1", AddressScope.Loopback)]
    [InlineData("169.254.169.254:80", AddressScope.LinkLocal)]
    [InlineData("0.0.0.0:1", AddressScope.Unusable)]
    [InlineData("224.0.0.1:1", AddressScope.Unusable)]
    [InlineData("255.255.255.255:1", AddressScope.Unusable)]
    [InlineData("192.0.0.2:1", AddressScope.Private)] // A router's inside of DS-Lite, a phone's of 464XLAT.
    [InlineData("192.0.1.2:1", AddressScope.Global)]
    [InlineData("[64:ff9b::192.0.0.2]:1", AddressScope.Private)]
    [InlineData("[100::1]:1", AddressScope.Unusable)]
    [InlineData("198.18.1.2:1", AddressScope.Global)]
    [InlineData("[::]:1", AddressScope.Unusable)]
    [InlineData("[::1]:1", AddressScope.Loopback)]
    [InlineData("[fe80::1]:1", AddressScope.LinkLocal)]
    [InlineData("[fd00::1]:1", AddressScope.Private)]
    [InlineData("[ff02::1]:1", AddressScope.Unusable)]
    [InlineData("[2001:db8::1]:1", AddressScope.Global)]
    [InlineData("[::ffff:127.0.0.1]:1", AddressScope.Loopback)]
    [InlineData("[::ffff:169.254.169.254]:1", AddressScope.LinkLocal)]
    [InlineData("[64:ff9b::7f00:1]:1", AddressScope.Loopback)]
    [InlineData("[2002:7f00:1::1]:1", AddressScope.Loopback)]
    [InlineData("[2002:c000:201::1]:1", AddressScope.Global)]
    [InlineData("[::7f00:1]:1", AddressScope.Unusable)]
    [InlineData("[64:ff9b:1::a9fe:a9fe]:1", AddressScope.Unusable)]
    [InlineData("[::ffff:0:127.0.0.1]:1", AddressScope.Loopback)]
    [InlineData("[2001:db8::5efe:192.168.1.1]:1", AddressScope.Private)]
    [InlineData("[2001:db8::200:5efe:169.254.169.254]:1", AddressScope.LinkLocal)]
    [InlineData("[2001:db8::200:5efe:198.18.1.2]:1", AddressScope.Global)]
    [InlineData("[2001:db8::100:5efe:127.0.0.1]:1", AddressScope.Global)] // Another interface id: no ISATAP.
    public void Every_spelling_of_an_address_has_the_scope_of_what_it_leads_to(string text, AddressScope scope)
    {
        Assert.True(TransportAddress.TryParse(text, out TransportAddress address));

        Assert.Equal(scope, AddressScopes.ScopeOf(address));
    }
}
