using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class NatProfilesTests
{
    private static readonly NatProfile Easy = new(NatMapping.EndpointIndependent, UdpReach.Works);
    private static readonly NatProfile Hard = new(NatMapping.EndpointDependent, UdpReach.Works);

    [Fact]
    public void A_discovery_is_told_in_the_profiles_words()
    {
        NatBehavior found = new()
        {
            Mapped = Address("198.51.100.7:21000"),
            Mapping = MappingBehavior.AddressAndPortDependent,
            Filtering = FilteringBehavior.AddressDependent,
            PortAllocation = new PortAllocation(PortAllocationPattern.Sequential, -2, 20000, 21000, false),
            Hairpinning = false,
        };

        Assert.Equal(
            new NatProfile(NatMapping.AddressAndPortDependent, UdpReach.Works)
            {
                Filtering = NatFiltering.AddressDependent, Allocation = NatPortAllocation.Sequential, PortStep = -2, Hairpins = false,
            },
            NatProfiles.Of(found));
        Assert.Equal(default, NatProfiles.Of(new NatBehavior()));
    }

    [Fact]
    public void A_block_reaches_a_little_beyond_the_ports_seen()
    {
        NatBehavior found = new() { Mapped = Address("198.51.100.7:21000"), PortAllocation = new PortAllocation(PortAllocationPattern.Random, 0, 20500, 21490, true) };

        NatProfile profile = NatProfiles.Of(found);

        Assert.Equal((20410, 21580), (profile.LowestPort, profile.HighestPort)); // Twelve ports leave gaps of 90 between them.
        Assert.Equal(1171, profile.PortRange);
    }

    [Fact]
    public void Two_ports_that_are_the_same_by_chance_do_not_outweigh_a_discovery_that_knows_their_block()
    {
        NatProfile confined = Hard with { Allocation = NatPortAllocation.Random, LowestPort = 20480, HighestPort = 20607 };

        Assert.Equal(NatMapping.EndpointDependent, NatProfiles.Merge(Easy, confined).Mapping);
        Assert.Equal(NatMapping.EndpointIndependent, NatProfiles.Merge(Easy, Hard).Mapping);
        Assert.Equal(NatMapping.EndpointIndependent, NatProfiles.Merge(Easy, confined with { Mapping = NatMapping.Unknown }).Mapping);
    }

    [Fact]
    public void What_one_server_could_not_tell_the_next_may()
    {
        NatProfile first = Hard with { Allocation = NatPortAllocation.Sequential, PortStep = 1, Hairpins = true };
        NatProfile second = new(NatMapping.AddressDependent, UdpReach.Works) { Filtering = NatFiltering.AddressDependent, Allocation = NatPortAllocation.Random, Hairpins = false };

        Assert.Equal(
            first with { Mapping = NatMapping.AddressDependent, Filtering = NatFiltering.AddressDependent },
            NatProfiles.Complete(first, second));
    }

    [Theory]
    [InlineData(NatFiltering.AddressDependent, NatFiltering.EndpointIndependent, NatFiltering.EndpointIndependent)] // Of a server with one address that is the most.
    [InlineData(NatFiltering.EndpointIndependent, NatFiltering.AddressDependent, NatFiltering.EndpointIndependent)]
    [InlineData(NatFiltering.AddressDependent, NatFiltering.AddressAndPortDependent, NatFiltering.AddressDependent)]
    [InlineData(NatFiltering.AddressAndPortDependent, NatFiltering.EndpointIndependent, NatFiltering.AddressAndPortDependent)]
    public void An_answer_from_an_address_that_was_never_sent_to_outweighs_that_one_port_s_was_let_in(NatFiltering first, NatFiltering further, NatFiltering whole) =>
        Assert.Equal(whole, NatProfiles.Complete(Easy with { Filtering = first }, Easy with { Filtering = further }).Filtering);

    public static TheoryData<NatMapping, NatMapping, NatMapping> Mappings => new()
    {
        { NatMapping.Unknown, NatMapping.AddressDependent, NatMapping.AddressDependent },
        { NatMapping.EndpointDependent, NatMapping.Unknown, NatMapping.EndpointDependent },
        { NatMapping.EndpointDependent, NatMapping.AddressAndPortDependent, NatMapping.AddressAndPortDependent },
        { NatMapping.EndpointIndependent, NatMapping.AddressAndPortDependent, NatMapping.EndpointIndependent }, // One server's word against two.
        { NatMapping.EndpointDependent, NatMapping.EndpointIndependent, NatMapping.EndpointDependent }, // So it is of our port, if not of others.
    };

    [Theory]
    [MemberData(nameof(Mappings))]
    public void The_servers_that_see_our_port_decide_whether_its_mapping_depends_on_the_destination(NatMapping live, NatMapping found, NatMapping expected)
    {
        NatProfile merged = NatProfiles.Merge(new NatProfile(live, UdpReach.Blocked), new NatProfile(found, UdpReach.Works) { Filtering = NatFiltering.AddressDependent });

        Assert.Equal(new NatProfile(expected, UdpReach.Blocked) { Filtering = NatFiltering.AddressDependent }, merged);
    }

    [Theory]
    [InlineData("198.51.100.7:6000", "192.168.1.10:0", "198.51.100.7:40000", false, false)]
    [InlineData("100.64.3.10:6000", "192.168.1.10:0", "198.51.100.7:40000", true, true)] // The router's own address is the provider's.
    [InlineData("198.51.100.7:6000", "100.64.3.10:0", "198.51.100.7:40000", false, true)] // Ours is.
    [InlineData("198.51.100.7:6000", "192.168.1.10:0", "100.64.3.10:40000", false, true)] // A server of the provider's sees the inside of its NAT.
    public void A_providers_NAT_shows_by_its_addresses(string external, string local, string seen, bool isNested, bool isCarrierGrade)
    {
        PortMappingOffer offer = new(PortMappingAnswer.Offered, null, Address(external), TimeSpan.Zero);
        PortMappingStatus gateway = PortMappingStatus.NoGateway with { State = PortMappingState.NotMapped, Local = Address(local), NatPmp = offer };

        Assert.Equal(
            Easy with { IsNested = isNested, IsCarrierGrade = isCarrierGrade, OffersPortMapping = true },
            NatProfiles.WithGateway(Easy, gateway, [Address(seen)]));
    }

    [Fact]
    public void A_router_behind_another_says_so_and_one_that_offers_nothing_changes_nothing()
    {
        Assert.True(NatProfiles.WithGateway(Easy, PortMappingStatus.NoGateway with { State = PortMappingState.NestedNat }, []).IsNested);
        Assert.Equal(Easy, NatProfiles.WithGateway(Easy, PortMappingStatus.Off, []));
    }

    [Fact]
    public void Before_any_discovery_the_probes_alone_are_heard()
    {
        Assert.Equal(Easy, NatProfiles.Merge(Easy, default));
    }
}
