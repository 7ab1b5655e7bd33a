using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class RememberedNatTests
{
    private static readonly NatProfile SeenHard = new(NatMapping.EndpointDependent, UdpReach.Works);
    private static readonly NatProfile SeenEasy = new(NatMapping.EndpointIndependent, UdpReach.Works);
    private static readonly NatProfile Hard = new(NatMapping.AddressAndPortDependent, UdpReach.Works)
    {
        Filtering = NatFiltering.AddressAndPortDependent,
        Allocation = NatPortAllocation.Random,
    };

    private static readonly RememberedNat Nat = new(Address("198.51.100.7:0"), Hard);

    private static NatProfile Nothing => default;

    [Theory]
    [InlineData("198.51.100.7:0", "198.51.100.7:4000", true)]
    [InlineData("198.51.100.7:0", "198.51.100.8:4000", false)]
    [InlineData("198.51.100.7:0", "[2001:db8:1::1]:4000", false)]
    [InlineData("[2001:db8:1::1]:0", "[2001:db8:1::ffff:1]:4000", true)]
    [InlineData("[2001:db8:1::1]:0", "[2001:db8:1:1::1]:4000", false)]
    public void It_holds_at_the_same_public_address(string remembered, string present, bool expected)
    {
        RememberedNat nat = new(Address(remembered), Hard);

        Assert.Equal(expected, nat.Holds(Address(present), SeenHard, Nothing));
        Assert.True(nat.Holds(default, Nothing, Nothing)); // As long as none is known.
    }

    [Fact]
    public void Where_UDP_is_silent_nothing_bears_it_out()
    {
        Assert.False(Nat.Holds(default, new NatProfile(NatMapping.Unknown, UdpReach.Blocked), Nothing));
    }

    [Fact]
    public void What_is_seen_now_is_right()
    {
        RememberedNat easy = Nat with { Profile = Hard with { Mapping = NatMapping.EndpointIndependent } };
        RememberedNat block = Nat with { Profile = Hard with { LowestPort = 20480, HighestPort = 20607 } };

        Assert.True(Nat.Holds(Nat.Address, SeenHard, Nothing));
        Assert.False(Nat.Holds(Nat.Address, SeenEasy, Nothing));
        Assert.False(easy.Holds(Nat.Address, SeenHard, Nothing));
        Assert.True(block.Holds(Nat.Address, SeenEasy, Nothing)); // Out of so few ports two servers see the same one by chance.
    }

    [Fact]
    public void What_is_found_out_now_is_right()
    {
        Assert.True(Nat.Holds(Nat.Address, SeenHard, SeenHard));
        Assert.True(Nat.Holds(Nat.Address, SeenHard, Hard));
        Assert.False(Nat.Holds(Nat.Address, Nothing, Hard with { Mapping = NatMapping.EndpointIndependent }));
        Assert.False(Nat.Holds(Nat.Address, SeenHard, Hard with { Filtering = NatFiltering.AddressDependent }));
        Assert.False(Nat.Holds(Nat.Address, SeenHard, Hard with { Allocation = NatPortAllocation.Sequential }));
    }
}
