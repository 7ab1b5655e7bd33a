using Addresses;
using Node.Agent.WireGuard;

namespace Node.Agent.Tests.WireGuard;

public sealed class LoopbackAddressesTests
{
    [Fact]
    public void A_peer_has_the_same_address_for_ever()
    {
        // Changing this strands the endpoints of interfaces that were set up before.
        Assert.Equal("127.94.134.89:21820", LoopbackAddresses.Of(Keys.Peer(2), 0).ToString());
        Assert.Equal(LoopbackAddresses.Of(Keys.Peer(2), 1), LoopbackAddresses.Of(Keys.Peer(2), 1));
    }

    [Fact]
    public void Every_address_is_on_loopback_where_nobody_else_is()
    {
        Assert.True(IpPrefix.TryParse("127.64.0.0/10", out IpPrefix ours));
        for (int i = 0; i < 2_000; i++)
        {
            TransportAddress address = LoopbackAddresses.Of(Keys.Peer(i), i % LoopbackAddresses.MaxAttempts);

            Assert.True(ours.Contains(address));
            Assert.InRange(address.Ipv4Bits & 0xff, 1u, 254u);
            Assert.InRange(address.Port, 1024, 32767);
        }
    }

    [Fact]
    public void Peers_differ_and_so_do_attempts()
    {
        IEnumerable<TransportAddress> addresses = Enumerable.Range(0, 100).SelectMany(peer => Enumerable.Range(0, 4).Select(attempt => LoopbackAddresses.Of(Keys.Peer(peer), attempt)));

        Assert.Equal(400, addresses.Distinct().Count());
    }
}
