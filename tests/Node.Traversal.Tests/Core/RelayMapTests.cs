using Node.Traversal.Core.RelayMaps;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class RelayMapTests
{
    [Fact]
    public void A_map_of_the_field_is_read_whole()
    {
        RelayMap map = RelayMap.Parse("""
            {"Regions": {
              "901": {"RegionID": 901, "RegionCode": "two", "RegionName": "Two", "NoMeasureNoHome": true, "Nodes": [
                {"Name": "901a", "RegionID": 901, "HostName": "two.example", "CertName": "front.example"}]},
              "900": {"RegionID": 900, "RegionCode": "lab", "Latitude": 1.5, "Nodes": [
                {"Name": "900a", "RegionID": 900, "HostName": "relay.example", "IPv4": "198.19.1.10", "IPv6": "none", "DERPPort": 3340,
                 "CertName": "sha256-raw:ABCDEFabcdef0123456789abcdef0123456789abcdef0123456789abcdef0123", "CanPort80": true},
                {"Name": "900b", "RegionID": 900, "HostName": "198.19.1.11", "IPv4": "198.19.1.11", "STUNOnly": true, "STUNPort": 3479},
                {"Name": "900c", "RegionID": 900, "HostName": "c.example", "STUNPort": -1, "InsecureForTests": true}]},
              "902": {"RegionID": 902, "RegionCode": "", "Nodes": null},
              "903": null},
             "omitDefaultRegions": true}
            """);

        Assert.Equal([900, 901, 902], map.Regions.Select(region => region.Id));
        RelayRegion lab = map.Find(900)!;
        Assert.Equal("lab", lab.Code);
        Assert.True(lab.MayBeHome);
        Assert.False(map.Find(901)!.MayBeHome);
        Assert.False(map.Find(902)!.MayBeHome);
        Assert.Equal("902", map.Find(902)!.Code);

        RelayNode relay = lab.Nodes[0];
        Assert.Equal("abcdefabcdef0123456789abcdef0123456789abcdef0123456789abcdef0123", relay.CertificatePin);
        Assert.Null(relay.CertificateName);
        Assert.Equal("198.19.1.10:0", relay.Ipv4.ToString());
        Assert.True(relay.IsIpv6Off);
        Assert.Equal(3340, relay.RelayPort);
        Assert.Equal(3478, relay.StunPort);
        Assert.True(lab.Nodes[1].IsStunOnly);
        Assert.Equal(3479, lab.Nodes[1].StunPort);
        Assert.Equal(0, lab.Nodes[2].StunPort);
        Assert.True(lab.Nodes[2].InsecureForTests);
        Assert.Equal("front.example", map.Find(901)!.Nodes[0].CertificateName);
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("[]", "Regions")]
    [InlineData("""{"Regions": 5}""", "Regions")]
    [InlineData("""{"Regions": {"lab": {}}}""", "\"lab\"")]
    [InlineData("""{"Regions": {"900": {"RegionID": 901}}}""", "900")]
    [InlineData("""{"Regions": {"900": {"Nodes": [{"Name": "a"}]}}}""", "HostName")]
    [InlineData("""{"Regions": {"900": {"Nodes": [{"Name": "a", "HostName": "h", "IPv4": "relay"}]}}}""", "IPv4")]
    [InlineData("""{"Regions": {"900": {"Nodes": [{"Name": "a", "HostName": "h", "DERPPort": 70000}]}}}""", "DERPPort")]
    [InlineData("""{"Regions": {"900": {"Nodes": [{"Name": "a", "HostName": "h", "CertName": "sha256-raw:12"}]}}}""", "64")]
    [InlineData("""{"Regions": {"900": {"Nodes": [{"Name": 7, "HostName": "h"}]}}}""", "wrong type")]
    [InlineData("""{"Regions": {"900": {"Nodes": [5]}}}""", "wrong type")]
    public void A_map_that_is_none_is_refused_in_a_sentence_that_says_where(string json, string clue)
    {
        FormatException exception = Assert.Throws<FormatException>(() => RelayMap.Parse(json));

        Assert.Contains(clue, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_maps_throw_nothing_else()
    {
        const string Json = """{"Regions": {"900": {"RegionID": 900, "RegionCode": "lab", "Nodes": [{"Name": "a", "HostName": "h", "IPv4": "1.2.3.4", "STUNOnly": true}]}}}""";
        Random random = new(5);
        for (int i = 0; i < 5000; i++)
        {
            char[] damaged = Json.ToCharArray();
            for (int j = random.Next(1, 4); j > 0; j--) damaged[random.Next(damaged.Length)] = (char)random.Next(32, 127);
            try
            {
                _ = RelayMap.Parse(new string(damaged, 0, random.Next(damaged.Length + 1)));
            }
            catch (FormatException exception)
            {
                Assert.NotEmpty(exception.Message);
            }
        }
    }

    [Fact]
    public void Everybody_ranks_the_regions_of_a_key_alike_and_keys_differ()
    {
        RelayMap map = Map(900, 901, 902, 903);
        RelayMap reversed = Map(903, 902, 901, 900);

        Assert.Equal(MeetingRegions.Rank(Keys(1).PublicKey, map), MeetingRegions.Rank(Keys(1).PublicKey, reversed));
        Assert.True(Enumerable.Range(1, 50).Select(seed => MeetingRegions.Rank(Keys((byte)seed).PublicKey, map)[0]).Distinct().Count() == 4);
    }

    [Fact]
    public void The_rank_is_what_the_definition_says() // SHA-256(public key ‖ region id, 32 bits big-endian), highest first.
    {
        byte[] input = new byte[36];
        Keys(1).PublicKey.CopyTo(input);
        IEnumerable<int> expected = new[] { 900, 901, 902 }.OrderByDescending(
            id =>
            {
                input[34] = (byte)(id >> 8);
                input[35] = (byte)id;
                return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(input));
            },
            StringComparer.Ordinal);

        Assert.Equal(expected, MeetingRegions.Rank(Keys(1).PublicKey, Map(900, 901, 902)));
    }

    [Fact]
    public void Nobody_meets_where_nobody_may_be_at_home() => Assert.Empty(MeetingRegions.Rank(
        Keys(1).PublicKey,
        new RelayMap([.. Map(900).Regions.Select(region => region with { MayBeHome = false })])));
}
