using Addresses;
using Node.Traversal;
using NatMapping = Relay.Protocol.Disco.NatMapping;

namespace Simulation.Tests;

/// <summary>The discovery finds out what the simulated NAT was told to be, and says so where the server does not let it.</summary>
public class NatDiscoveryTests
{
    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_of_nat_is_named(Mapping mapping, Filtering filtering, int step, bool preserves)
    {
        DiscoveryWorld world = new(new NatKind(mapping, filtering) { PreservesPorts = preserves, PortStep = step });

        NatBehavior found = world.Run();

        Assert.Equal(NatPresence.Nat, found.Presence);
        Assert.Equal(mapping.ToString(), found.Mapping.ToString());
        Assert.Equal(filtering.ToString(), found.Filtering.ToString());
        Assert.Equal(preserves ? PortAllocationPattern.Preserving : step != 0 ? PortAllocationPattern.Sequential : PortAllocationPattern.Random, found.PortAllocation.Pattern);
        Assert.Equal(preserves ? 0 : step, found.PortAllocation.Step);
        Assert.False(found.PortAllocation.IsConfined);
        Assert.False(found.Hairpinning);
        Assert.Equal(TimeSpan.FromMilliseconds(40), found.Rtt);
        Assert.InRange(world.Took, TimeSpan.Zero, TimeSpan.FromSeconds(6));
        Assert.Equal(mapping != Mapping.EndpointIndependent && filtering != Filtering.EndpointIndependent, found.Notes.Any(note => note.Aspect == NatAspect.Filtering));
    }

    [Theory]
    [InlineData(Mapping.EndpointIndependent, Filtering.EndpointIndependent)]
    [InlineData(Mapping.EndpointIndependent, Filtering.AddressAndPortDependent)]
    [InlineData(Mapping.AddressDependent, Filtering.EndpointIndependent)]
    public void A_hairpin_is_seen(Mapping mapping, Filtering filtering) =>
        Assert.True(new DiscoveryWorld(new NatKind(mapping, filtering) { Hairpins = true }).Run().Hairpinning);

    [Fact]
    public void A_control_whose_port_has_gone_to_another_socket_is_made_again()
    {
        NatKind kind = NatKind.Easy with { Filtering = Filtering.AddressDependent };

        NatBehavior found = new DiscoveryWorld(kind, conduct: new StunServerConduct { LosesFirstControl = true }).Run();

        Assert.Equal(FilteringBehavior.AddressDependent, found.Filtering);
    }

    [Fact]
    public void A_block_of_ports_is_seen()
    {
        PortAllocation found = new DiscoveryWorld(NatKind.Hard with { LowestPort = 20480, HighestPort = 21503 }).Run().PortAllocation;

        Assert.Equal(PortAllocationPattern.Random, found.Pattern);
        Assert.True(found.IsConfined);
        Assert.InRange(found.Lowest, 20480, 21503);
        Assert.InRange(found.Highest, found.Lowest, 21503);
    }

    [Theory]
    [InlineData(null, NatPresence.None, FilteringBehavior.EndpointIndependent)]
    [InlineData(Filtering.AddressDependent, NatPresence.FirewallOnly, FilteringBehavior.AddressDependent)]
    [InlineData(Filtering.AddressAndPortDependent, NatPresence.FirewallOnly, FilteringBehavior.AddressAndPortDependent)]
    public void Without_a_nat_there_is_nothing_or_a_firewall(Filtering? firewall, NatPresence presence, FilteringBehavior filtering)
    {
        NatBehavior found = new DiscoveryWorld(nat: null, firewall).Run();

        Assert.Equal((presence, MappingBehavior.EndpointIndependent, filtering), (found.Presence, found.Mapping, found.Filtering));
        Assert.Equal(PortAllocationPattern.Preserving, found.PortAllocation.Pattern);
        Assert.Null(found.Hairpinning);
        Assert.Equal(found.Local, found.Mapped);
    }

    [Theory]
    [InlineData(Mapping.EndpointIndependent, NatMapping.EndpointIndependent)]
    [InlineData(Mapping.AddressDependent, NatMapping.EndpointDependent)]
    [InlineData(Mapping.AddressAndPortDependent, NatMapping.EndpointDependent)]
    public void Servers_without_a_second_address_tell_together_whether_the_destination_matters(Mapping mapping, NatMapping told)
    {
        StunServerConduct conduct = new() { NamesOther = false };
        TransportAddress otherHost = DiscoveryWorld.Other.WithPort(DiscoveryWorld.Server.Port);

        Assert.Equal(told, new DiscoveryWorld(NatKind.Easy with { Mapping = mapping }, conduct: conduct, servers: [DiscoveryWorld.Server, otherHost]).AskAll());
        Assert.Equal(NatMapping.EndpointIndependent, new DiscoveryWorld(nat: null, conduct: conduct, servers: [DiscoveryWorld.Server, otherHost]).AskAll());
    }

    [Fact]
    public void One_host_does_not_tell_whether_the_destination_matters()
    {
        DiscoveryWorld world = new(NatKind.Easy, servers: [DiscoveryWorld.Server, DiscoveryWorld.Server.WithPort(DiscoveryWorld.Other.Port)]);

        Assert.Equal(NatMapping.Unknown, world.AskAll());
        Assert.Equal(NatMapping.Unknown, new DiscoveryWorld(NatKind.Blocked, servers: [DiscoveryWorld.Server, DiscoveryWorld.Other]).AskAll());
    }

    [Fact]
    public void Without_udp_nothing_is_known_and_it_ends()
    {
        DiscoveryWorld world = new(NatKind.Blocked);

        NatBehavior found = world.Run();

        Assert.False(found.IsAnswered);
        Assert.Equal(NatPresence.Unknown, found.Presence);
        Assert.Equal(NatAspect.Server, Assert.Single(found.Notes).Aspect);
        Assert.Equal(4, found.RequestsSent);
        Assert.InRange(world.Took, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(7));
    }

    [Fact]
    public void A_server_whose_first_address_is_silent_is_asked_at_its_next()
    {
        NatBehavior found = new DiscoveryWorld(NatKind.Easy, servers: [DiscoveryWorld.Server.WithPort(1), DiscoveryWorld.Other, DiscoveryWorld.Server]).Run();

        Assert.Equal(DiscoveryWorld.Other, found.Server);
        Assert.Equal(MappingBehavior.Unknown, found.Mapping); // It names itself as its other address.
    }

    [Fact]
    public void A_server_with_one_address_tells_what_it_can()
    {
        NatBehavior found = new DiscoveryWorld(NatKind.Easy with { Hairpins = true }, conduct: new StunServerConduct { NamesOther = false, Change = ChangeConduct.Refuses }).Run();

        Assert.Equal((MappingBehavior.Unknown, FilteringBehavior.Unknown), (found.Mapping, found.Filtering));
        Assert.Equal(PortAllocationPattern.Random, found.PortAllocation.Pattern);
        Assert.True(found.Hairpinning);
        Assert.Equal([NatAspect.Mapping, NatAspect.Filtering], found.Notes.Select(note => note.Aspect).Order());
    }

    [Theory]
    [InlineData(Mapping.EndpointIndependent, Filtering.EndpointIndependent, FilteringBehavior.AddressDependent)] // What is more cannot be told.
    [InlineData(Mapping.EndpointIndependent, Filtering.AddressDependent, FilteringBehavior.AddressDependent)]
    [InlineData(Mapping.EndpointIndependent, Filtering.AddressAndPortDependent, FilteringBehavior.AddressAndPortDependent)]
    [InlineData(Mapping.AddressDependent, Filtering.AddressAndPortDependent, FilteringBehavior.AddressAndPortDependent)]
    [InlineData(Mapping.AddressAndPortDependent, Filtering.AddressAndPortDependent, FilteringBehavior.AddressAndPortDependent)]
    public void A_server_with_one_address_and_two_ports_tells_whether_the_filter_looks_at_ports(Mapping mapping, Filtering filtering, FilteringBehavior told)
    {
        DiscoveryWorld world = new(new NatKind(mapping, filtering), conduct: new StunServerConduct { HasOneAddress = true });

        NatBehavior found = world.Run();

        Assert.Equal(told, found.Filtering);
        Assert.Equal(told == FilteringBehavior.AddressDependent || mapping == Mapping.AddressAndPortDependent, found.Notes.Any(note => note.Aspect == NatAspect.Filtering));
        Assert.InRange(world.Took, TimeSpan.Zero, TimeSpan.FromSeconds(9));
        Assert.Equal(NatPresence.Nat, found.Presence);
    }

    [Theory]
    [InlineData(null, NatPresence.NoneOrFirewall)]
    [InlineData(Filtering.AddressDependent, NatPresence.NoneOrFirewall)]
    [InlineData(Filtering.AddressAndPortDependent, NatPresence.FirewallOnly)]
    public void By_two_ports_of_one_address_a_firewall_shows_only_where_it_looks_at_ports(Filtering? firewall, NatPresence presence) =>
        Assert.Equal(presence, new DiscoveryWorld(nat: null, firewall, new StunServerConduct { HasOneAddress = true }).Run().Presence);

    [Theory]
    [InlineData(ChangeConduct.Refuses)]
    [InlineData(ChangeConduct.Ignores)]
    [InlineData(ChangeConduct.IsSilent)]
    public void A_server_with_one_address_that_does_not_answer_from_its_next_port_is_not_taken_for_a_filter(object conduct)
    {
        NatBehavior found = new DiscoveryWorld(NatKind.Easy, conduct: new StunServerConduct { HasOneAddress = true, Change = (ChangeConduct)conduct }).Run();

        Assert.Equal(FilteringBehavior.Unknown, found.Filtering);
        Assert.Single(found.Notes, note => note.Aspect == NatAspect.Filtering);
    }

    [Theory]
    [InlineData(ChangeConduct.Refuses, "420")]
    [InlineData(ChangeConduct.Ignores, "answers from 203.0.113.1:3478")]
    [InlineData(ChangeConduct.IsSilent, "even where nothing can hold the answer back")]
    public void A_server_that_does_not_answer_from_elsewhere_is_not_taken_for_a_filter(object conduct, string why)
    {
        NatBehavior found = new DiscoveryWorld(NatKind.Easy, conduct: new StunServerConduct { Change = (ChangeConduct)conduct }).Run();

        Assert.Equal((MappingBehavior.EndpointIndependent, FilteringBehavior.Unknown), (found.Mapping, found.Filtering));
        Assert.Contains(why, Assert.Single(found.Notes, note => note.Aspect == NatAspect.Filtering).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_whose_other_address_is_dead_leaves_both_open()
    {
        NatBehavior found = new DiscoveryWorld(NatKind.Easy, conduct: new StunServerConduct { HasOther = false }).Run();

        Assert.Equal((MappingBehavior.Unknown, FilteringBehavior.Unknown), (found.Mapping, found.Filtering));
    }

    [Fact]
    public void A_server_that_answers_from_elsewhere_is_no_answer_but_is_told()
    {
        NatBehavior found = new DiscoveryWorld(nat: null, conduct: new StunServerConduct { AnswersFromElsewhere = true }).Run();

        Assert.False(found.IsAnswered);
        Assert.Contains("203.0.113.1:5000, which was not asked", Assert.Single(found.Notes).Text, StringComparison.Ordinal);
        Assert.Equal(4, found.DatagramsIgnored);
    }

    [Theory]
    [InlineData("127.0.0.1:3479")]
    [InlineData("192.168.1.1:3479")]
    [InlineData("169.254.169.254:80")]
    [InlineData("203.0.113.1:3479")] // The same address.
    [InlineData("203.0.114.1:3478")] // The same port.
    public void A_server_cannot_send_us_where_we_have_no_business(string other)
    {
        Assert.True(TransportAddress.TryParse(other, out TransportAddress falseOther));
        DiscoveryWorld world = new(NatKind.Easy, conduct: new StunServerConduct { FalseOther = falseOther });

        NatBehavior found = world.Run();

        Assert.DoesNotContain(falseOther, world.Destinations);
        Assert.Equal((MappingBehavior.Unknown, FilteringBehavior.Unknown), (found.Mapping, found.Filtering));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void A_server_that_answers_few_requests_a_second_is_not_lost(int rate)
    {
        DiscoveryWorld world = new(NatKind.Easy, conduct: new StunServerConduct { Rate = rate });

        NatBehavior found = world.Run();

        Assert.Equal(MappingBehavior.EndpointIndependent, found.Mapping);
        Assert.Equal(FilteringBehavior.AddressAndPortDependent, found.Filtering);
        Assert.InRange(world.Took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void It_never_bursts()
    {
        DiscoveryWorld world = new(NatKind.Hard);

        world.Run();

        Assert.InRange(world.MostASecond, 1, 30);
    }

    [Theory]
    [InlineData(0.05, 1, 5)]
    [InlineData(0.10, 1, 5)]
    [InlineData(0.20, 6, 24)] // A third of all requests stays without an answer.
    public void Loss_hardly_ever_makes_a_wrong_answer_and_never_an_endless_one(double loss, int mostWrong, int mostOpen)
    {
        int wrong = 0, unknown = 0, runs = 0;
        foreach (NatKind kind in new[] { NatKind.Easy, NatKind.Hard, NatKind.Easy with { Filtering = Filtering.AddressDependent }, NatKind.Easy with { Filtering = Filtering.EndpointIndependent, PreservesPorts = true } })
        {
            for (int seed = 1; seed <= 50; seed++)
            {
                DiscoveryWorld world = new(kind, loss: loss, seed: seed);
                NatBehavior found = world.Run();
                runs++;
                Assert.InRange(world.Took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
                bool isUnknown = found.Mapping == MappingBehavior.Unknown || found.Filtering == FilteringBehavior.Unknown;
                bool isRight = found.Mapping.ToString() == kind.Mapping.ToString() && found.Filtering.ToString() == kind.Filtering.ToString();
                if (isUnknown) unknown++;
                else if (!isRight) wrong++;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"loss {loss:P0} each way: {wrong} wrong, {unknown} open, of {runs}");
        Assert.InRange(wrong, 0, mostWrong);
        Assert.InRange(unknown, 0, mostOpen);
    }

    public static TheoryData<Mapping, Filtering, int, bool> Kinds()
    {
        TheoryData<Mapping, Filtering, int, bool> kinds = [];
        foreach (Mapping mapping in Enum.GetValues<Mapping>())
        {
            foreach (Filtering filtering in Enum.GetValues<Filtering>())
            {
                kinds.Add(mapping, filtering, 0, false);
                kinds.Add(mapping, filtering, 0, true);
                kinds.Add(mapping, filtering, 2, false);
            }
        }

        return kinds;
    }
}
