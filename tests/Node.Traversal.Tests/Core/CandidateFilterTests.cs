using Addresses;
using Node.Traversal.Core;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class CandidateFilterTests
{
    [Theory]
    [InlineData("198.18.1.2:5000", true)]
    [InlineData("[2001:db8::1]:5000", true)]
    [InlineData("192.168.1.10:5000", true)]
    [InlineData("198.18.1.2:0", false)]
    [InlineData("10.77.0.9:5000", false)] // Inside a peer's AllowedIPs.
    [InlineData("[::ffff:10.77.0.9]:5000", false)]
    [InlineData("10.77.0.1:5000", false)] // The interface's own.
    [InlineData("192.168.7.7:5000", true)] // Inside AllowedIPs, and the address of a real interface.
    [InlineData("192.168.7.8:5000", false)]
    [InlineData("127.0.0.1:5000", false)]
    [InlineData("[::1]:5000", false)]
    [InlineData("169.254.169.254:80", false)]
    [InlineData("[fe80::1]:5000", false)]
    [InlineData("0.0.0.0:5000", false)]
    [InlineData("255.255.255.255:5000", false)]
    [InlineData("224.0.0.251:5353", false)]
    [InlineData("[64:ff9b::7f00:1]:80", false)]
    [InlineData("[64:ff9b:1::c612:102]:5000", false)] // RFC 8215: nobody else's NAT64 is ours.
    [InlineData("[2002:7f00:1::1]:5000", false)] // 6to4 to loopback,
    [InlineData("[2002:a4d:9::1]:5000", false)] // and into the tunnel,
    [InlineData("[64:ff9b::a4d:9]:5000", false)] // as by NAT64,
    [InlineData("[2001:db8::5efe:a4d:9]:5000", false)] // and by ISATAP.
    [InlineData("[2001:db8::200:5efe:7f00:1]:5000", false)]
    [InlineData("[2001:db8::5efe:a9fe:a9fe]:5000", false)]
    [InlineData("[2001:db8::200:5efe:c612:102]:5000", true)]
    [InlineData("[2002:c612:102::1]:5000", true)]
    [InlineData("[::7f00:1]:5000", false)] // IPv4-compatible.
    [InlineData("[::]:5000", false)]
    [InlineData("[::ffff:0.0.0.0]:5000", false)]
    [InlineData("[::ffff:127.0.0.1]:5000", false)]
    [InlineData("[fd00:ec2::254]:5000", false)] // Metadata services that are not link-local.
    [InlineData("100.100.100.200:5000", false)]
    [InlineData("168.63.129.16:5000", false)]
    [InlineData("[64:ff9b::a83f:8110]:5000", false)]
    [InlineData("100.64.3.10:5000", true)]
    public void Only_addresses_that_can_lead_to_a_peer_outside_the_tunnel_are_allowed(string address, bool expected)
    {
        CandidateFilter filter = new();
        filter.SetTunnelRanges([Prefix("10.77.0.0/24"), Prefix("192.168.7.0/24"), Prefix("0.0.0.0/0"), Prefix("::/0")]);
        filter.SetTunnelAddresses([Address("10.77.0.1:0")]);
        filter.SetLocalAddresses([Address("192.168.7.7:0")]);

        Assert.Equal(expected, filter.IsAllowed(Address(address)));
    }

    [Fact]
    public void Loopback_counts_only_where_it_was_asked_for() => Assert.True(new CandidateFilter { AllowLoopback = true }.IsAllowed(Address("127.0.0.1:5000")));

    [Fact]
    public void Nobody_is_sent_to_a_services_port_though_a_peer_may_speak_from_there()
    {
        CandidateFilter filter = new();

        Assert.True(filter.IsAllowed(Address("198.18.1.2:53")));
        Assert.False(filter.IsAnnounceable(Address("198.18.1.2:1023")));
        Assert.True(filter.IsAnnounceable(Address("198.18.1.2:1024")));
    }

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
