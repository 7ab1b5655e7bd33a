using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class SightingsTests
{
    private const string Public = "198.51.100.7:40000";
    private const string Lie = "192.0.2.66:666";
    private const string Inside = "192.168.1.10:5000";

    private static readonly HashSet<TransportAddress> Nothing = [];

    [Theory]
    [InlineData(NatMapping.Unknown)]
    [InlineData(NatMapping.Unknown, Public)]
    [InlineData(NatMapping.EndpointIndependent, Public, Public)]
    [InlineData(NatMapping.EndpointIndependent, Public, Lie, Public)] // One liar of three.
    [InlineData(NatMapping.EndpointIndependent, Lie, Public, Public, Public)]
    [InlineData(NatMapping.EndpointDependent, Public, Lie)] // Which of the two lies, if any, nobody can tell.
    [InlineData(NatMapping.EndpointDependent, "198.51.100.7:40000", "198.51.100.7:40001", "198.51.100.7:40002")]
    [InlineData(NatMapping.EndpointDependent, "198.51.100.7:40000", "198.51.100.7:40000", "198.51.100.7:40001", "198.51.100.7:40002")] // No majority.
    public void What_most_servers_see_is_so(NatMapping expected, params string[] seen)
    {
        Assert.Equal(expected, Sightings.MappingOf(By(seen), Nothing));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("198.51.100.7:0", Public)]
    [InlineData("198.51.100.7:0", "198.51.100.7:40000", "198.51.100.7:40001", Lie)] // A hard NAT gives many ports, and one address.
    [InlineData("none", Public, Lie)]
    [InlineData("none", Public, Lie, Public, Lie)]
    public void The_public_address_is_the_one_that_most_servers_report(string expected, params string[] seen)
    {
        Assert.Equal(expected, Sightings.PublicAddressOf(By(seen)).ToString());
    }

    [Fact]
    public void A_host_has_one_voice_however_many_ports_it_answers_from()
    {
        Sighting[] sightings =
        [
            new(Address("203.0.113.1:3478"), Address(Public)), new(Address("203.0.113.1:3479"), Address(Public)), new(Address("203.0.113.1:3480"), Address(Public)),
        ];

        Assert.Equal(NatMapping.Unknown, Sightings.MappingOf(sightings, Nothing)); // A NAT whose mapping depends on the address alone looks like this.
    }

    /// <summary>A relay in one's own network is nearer than the NAT.</summary>
    [Theory]
    [InlineData(NatMapping.Unknown, Inside, Public)]
    [InlineData(NatMapping.EndpointIndependent, Inside, Public, Public)]
    [InlineData(NatMapping.EndpointDependent, Inside, Inside, Inside, Public, "198.51.100.7:40001")]
    [InlineData(NatMapping.EndpointIndependent, Inside, Inside)] // Nobody is seen from beyond.
    public void Who_stands_on_this_side_of_the_NAT_says_nothing_of_it(NatMapping expected, params string[] seen)
    {
        Assert.Equal(expected, Sightings.MappingOf(By(seen), new HashSet<TransportAddress> { Address(Inside) }));
    }

    [Fact]
    public void Whoever_is_seen_as_what_it_is_has_no_NAT()
    {
        HashSet<TransportAddress> own = [Address(Public)];

        Assert.Equal(NatMapping.EndpointIndependent, Sightings.MappingOf(By(Public), own));
        Assert.Equal(NatMapping.EndpointDependent, Sightings.MappingOf(By(Public, Lie), own));
    }

    [Fact]
    public void One_servers_word_against_others_comes_last_and_unconfirmed()
    {
        Assert.Equal(
            [new ReflexiveAddress(Address(Public), IsConfirmed: true), new ReflexiveAddress(Address(Lie), IsConfirmed: false)],
            Sightings.Rank(By(Lie, Public, Public), Nothing));
    }

    [Fact]
    public void A_single_servers_word_is_taken_where_nobody_else_speaks()
    {
        Assert.Equal([new ReflexiveAddress(Address(Public), IsConfirmed: true)], Sightings.Rank(By(Public), Nothing));
    }

    [Fact]
    public void Our_own_address_needs_no_second_witness()
    {
        Assert.Equal(
            [new ReflexiveAddress(Address(Public), IsConfirmed: true), new ReflexiveAddress(Address(Lie), IsConfirmed: false)],
            Sightings.Rank(By(Lie, Public), new HashSet<TransportAddress> { Address(Public) }));
    }

    private static Sighting[] By(params string[] seen) => [.. seen.Select((mapped, i) => new Sighting(Address($"203.0.113.{i + 1}:3478"), Address(mapped)))];
}
