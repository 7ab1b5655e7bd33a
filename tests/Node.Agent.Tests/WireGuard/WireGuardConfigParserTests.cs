using Addresses;
using CsCheck;
using Node.Agent.WireGuard;

namespace Node.Agent.Tests.WireGuard;

public sealed class WireGuardConfigParserTests
{
    private static readonly string Ordinary = $"""
        # A comment
        [Interface]
        PrivateKey = {Keys.PrivateText(1)}
        Address = 10.9.0.1/24, fd00:9::1/64 # two
        address=10.9.1.1
        ListenPort = 51820
        FwMark = 0xca6c
        DNS = 10.9.0.53
        PostUp = iptables -A FORWARD -i %i -j ACCEPT; echo a=b
        #RelayMap = /etc/relay-map.json # ours
        #RelayTokenFile = relay-token
        #RelayPort = 41000
        #RelayPortMapping = off

        [Peer]
        PublicKey = {Keys.Peer(2).ToBase64()}
        PresharedKey = {Keys.PrivateText(9)}
        AllowedIPs = 10.9.0.2/32, fd00:9::2
        AllowedIPs = 192.168.7.0/24
        PersistentKeepalive = 25

        [peer]
        publickey = {Keys.Peer(3).ToBase64()}
        Endpoint = 198.51.100.3:51820

        [Peer]
        PublicKey={Keys.Peer(4).ToBase64()}
        Endpoint=vpn.example.com:51820
        #relay=on

        [Peer]
        PublicKey = {Keys.Peer(5).ToBase64()}
        Endpoint = 127.99.1.2:21820

        [Peer]
        PublicKey = {Keys.Peer(6).ToBase64()}
        #Relay = off
        """;

    [Fact]
    public void An_ordinary_file_is_read()
    {
        WireGuardConfig config = WireGuardConfigParser.Parse(Ordinary);

        Assert.Equal(Keys.Peer(1), config.PrivateKey!.PublicKey);
        Assert.Equal(["10.9.0.1:0", "[fd00:9::1]:0", "10.9.1.1:0"], config.Addresses.Select(address => address.ToString()));
        Assert.Equal((ushort)51820, config.ListenPort);
        Assert.Equal(0xca6cu, config.FirewallMark);
        Assert.Equal("/etc/relay-map.json", config.RelayMap);
        Assert.Equal("relay-token", config.RelayTokenFile);
        Assert.Equal((ushort)41000, config.RelayPort);
        Assert.False(config.RelayPortMapping);
        Assert.Null(config.SaveConfigLine);
        Assert.Equal([2, 3, 4, 5, 6], config.Peers.Select(peer => Enumerable.Range(2, 5).Single(number => Keys.Peer(number) == peer.PublicKey)));
        Assert.Equal(["10.9.0.2/32", "fd00:9::2/128", "192.168.7.0/24"], config.Peers[0].AllowedAddresses.Select(range => range.ToString()));
        Assert.Equal(15, config.Peers[0].Line);
    }

    [Fact]
    public void Peers_without_an_endpoint_are_ours_and_those_with_one_only_when_asked_for()
    {
        IReadOnlyList<WireGuardPeer> peers = WireGuardConfigParser.Parse(Ordinary).Peers;

        Assert.Equal([true, false, true, true, false], peers.Select(peer => peer.IsCarried));
        Assert.Equal("198.51.100.3:51820", peers[1].EndpointAddress.ToString());
        Assert.Equal("vpn.example.com:51820", peers[2].Endpoint);
        Assert.False(peers[2].EndpointAddress.IsValid);
    }

    [Theory]
    [InlineData("127.0.0.1:5")]
    [InlineData("[::1]:5")]
    [InlineData("localhost:5")]
    public void An_endpoint_on_loopback_is_ignored(string endpoint) =>
        Assert.Null(WireGuardConfigParser.Parse($"[Peer]\nPublicKey={Keys.Peer(2).ToBase64()}\nEndpoint={endpoint}").Peers[0].Endpoint);

    [Fact]
    public void SaveConfig_is_found_with_its_line()
    {
        Assert.Equal(2, WireGuardConfigParser.Parse("[Interface]\nSaveConfig = true").SaveConfigLine);
        Assert.Null(WireGuardConfigParser.Parse("[Interface]\nSaveConfig = false").SaveConfigLine);
    }

    [Theory]
    [InlineData("off", 0u)]
    [InlineData("51820", 51820u)]
    [InlineData("0xCA6C", 0xca6cu)]
    public void A_mark_has_three_forms(string text, uint expected) => Assert.Equal(expected, WireGuardConfigParser.Parse($"[Interface]\nFwMark={text}").FirewallMark);

    [Theory]
    [InlineData("[Interface]\r\nListenPort = 1\r\n")]
    [InlineData("\n\n  [interface]  \n\t listenport\t=\t1")]
    [InlineData("[Interface]\nListenPort=1 # one\n\n")]
    public void Line_ends_and_spaces_do_not_matter(string text) => Assert.Equal((ushort)1, WireGuardConfigParser.Parse(text).ListenPort);

    [Theory]
    [InlineData(1, "PrivateKey = x", "in no section")]
    [InlineData(1, "[Network]", "no such section")]
    [InlineData(2, "[Interface]\nhello", "neither a section nor a setting")]
    [InlineData(2, "[Interface]\n= hello", "neither a section nor a setting")]
    [InlineData(2, "[Interface]\nPrivateKey = short", "PrivateKey is no key")]
    [InlineData(2, "[Interface]\nListenPort = 65536", "no port")]
    [InlineData(2, "[Interface]\nFwMark = blue", "no mark")]
    [InlineData(2, "[Interface]\nAddress = 10.0.0.1/33", "no address")]
    [InlineData(2, "[Interface]\n#RelayMpa = x", "no setting #RelayMpa here")]
    [InlineData(2, "[Interface]\n#RelayMap =", "empty")]
    [InlineData(3, "[Interface]\n#RelayMap = a\n#relaymap = b", "there already, in line 2")]
    [InlineData(3, "[Peer]\n#Relay = on\n#Relay = on", "there already, in line 2")]
    [InlineData(2, "[Peer]\nEndpoint = nonsense", "Endpoint: 'nonsense' is no address or name with a port")]
    [InlineData(2, "[Peer]\nEndpoint =", "write HOST:PORT")]
    [InlineData(2, "[Peer]\nEndpoint = 192.0.2.1:65536", "write HOST:PORT")]
    [InlineData(2, "[Peer]\nAllowedIPs = 010.0.0.0/8", "no range")]
    [InlineData(2, "[Interface]\n#RelayPort = many", "#RelayPort: 'many' is no port")]
    [InlineData(2, "[Interface]\n#RelayPortMapping = perhaps", "neither on nor off")]
    [InlineData(2, "[Interface]\n#RelayAdvertise = 203.0.113.7", "no address with a port")]
    [InlineData(2, "[Interface]\n#RelayAdvertise = 203.0.113.7:22", "no peer would go to 203.0.113.7:22")]
    [InlineData(2, "[Interface]\n#RelayAdvertise = 203.0.113.7:5000, 127.0.0.1:5000", "no peer would go to 127.0.0.1:5000")]
    [InlineData(2, "[Interface]\n#RelayAdvertise =", "no address with a port")]
    [InlineData(2, "[Interface]\n#RelayAdvertise = 1.1.1.1:1024,1.1.1.1:1025,1.1.1.1:1026,1.1.1.1:1027,1.1.1.1:1028,1.1.1.1:1029,1.1.1.1:1030,1.1.1.1:1031,1.1.1.1:1032", "9 addresses are more than the 8")]
    [InlineData(2, "[Interface]\n#Relay = on", "no setting #Relay here")]
    [InlineData(2, "[Peer]\nPublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "PublicKey is no key")]
    [InlineData(2, "[Peer]\n#Relay = maybe", "neither on nor off")]
    [InlineData(2, "[Peer]\nAllowedIPs = 10.0.0.0/8, here", "no range")]
    [InlineData(1, "[Peer]\nAllowedIPs = 10.0.0.0/8", "no PublicKey")]
    public void What_is_wrong_is_told_with_its_line(int line, string text, string part)
    {
        WireGuardConfigException exception = Assert.Throws<WireGuardConfigException>(() => WireGuardConfigParser.Parse(text));

        Assert.Equal(line, exception.Line);
        Assert.Contains(part, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_world_reaches_the_node_is_a_list()
    {
        WireGuardConfig config = WireGuardConfigParser.Parse("[Interface]\n#RelayAdvertise = 203.0.113.7:41641, [2001:db8::7]:5000,203.0.113.7:41641 # by hand");

        Assert.Equal(["203.0.113.7:41641", "[2001:db8::7]:5000"], config.RelayAdvertise.Select(address => address.ToString()));
        Assert.Empty(WireGuardConfigParser.Parse(Ordinary).RelayAdvertise);
    }

    [Fact]
    public void Remarks_about_relays_are_remarks() =>
        Assert.Null(WireGuardConfigParser.Parse("[Interface]\n#Relayed since May\n# RelayMap = none yet\n#Relay servers = none yet").RelayMap);

    [Fact]
    public void A_peer_that_is_there_twice_is_told_with_both_lines()
    {
        string peer = $"[Peer]\nPublicKey = {Keys.Peer(2).ToBase64()}\n";

        WireGuardConfigException exception = Assert.Throws<WireGuardConfigException>(() => WireGuardConfigParser.Parse(peer + peer));

        Assert.Equal(3, exception.Line);
        Assert.Contains("in line 1", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Too_many_peers_are_refused()
    {
        Span<byte> key = stackalloc byte[32];
        System.Text.StringBuilder text = new();
        for (int i = 0; i <= WireGuardConfigParser.MaxPeers; i++)
        {
            BitConverter.TryWriteBytes(key, i + 1);
            text.Append("[Peer]\nPublicKey=").Append(Convert.ToBase64String(key)).Append('\n');
        }

        Assert.Contains("more than 4096 peers", Assert.Throws<WireGuardConfigException>(() => WireGuardConfigParser.Parse(text.ToString())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_message_ever_holds_a_private_key()
    {
        string secret = Keys.PrivateText(1);
        string[] texts = [$"PrivateKey = {secret}", $"[Interface]\nPrivateKey = {secret}x", $"[Interface]\nPrivateKey {secret[..^1]}", $"[Peer]\nPresharedKey {secret[..^1]}\n", $"[Peer]\nPublicKey = {secret}x"];

        foreach (string text in texts) Assert.DoesNotContain(secret[..^1], Assert.Throws<WireGuardConfigException>(() => WireGuardConfigParser.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_files_are_read_or_refused_and_never_crash_it()
    {
        Gen.Select(Gen.Int[0, Ordinary.Length - 1], Gen.Int[0, 40], Gen.String).Sample((at, length, text) =>
            ReadOrRefuse(Ordinary.Remove(at, Math.Min(length, Ordinary.Length - at)).Insert(at, text)), iter: 5_000);
        Gen.String.Sample(ReadOrRefuse, iter: 5_000);
    }

    [Fact]
    public void What_is_written_is_what_is_read()
    {
        Gen<IpPrefix> range = Gen.Select(Gen.UInt, Gen.Int[0, 32]).Select((bits, length) => IpPrefix.Create(TransportAddress.FromIpv4(bits, 0).ToIPAddress(), length));
        Gen.Select(range.Array[0, 5], Gen.UShort, Gen.Bool.Nullable()).Sample((ranges, port, relay) =>
        {
            string text = $"[Interface]\nListenPort={port}\n[Peer]\nPublicKey={Keys.Peer(2).ToBase64()}\nAllowedIPs={string.Join(',', ranges)}\n";
            if (relay is { } isOn) text += $"#Relay={(isOn ? "on" : "off")}\n";

            WireGuardConfig config = WireGuardConfigParser.Parse(text);

            return config.ListenPort == port && config.Peers[0].Relay == relay && config.Peers[0].AllowedAddresses.SequenceEqual(ranges);
        }, iter: 1_000);
    }

    private static void ReadOrRefuse(string text)
    {
        try
        {
            WireGuardConfigParser.Parse(text);
        }
        catch (WireGuardConfigException exception)
        {
            Assert.InRange(exception.Line, 1, int.MaxValue);
        }
    }
}
