using Addresses;
using Node.Agent.WireGuard;
using Relay.Protocol;

namespace Node.Agent.Tests.WireGuard;

public sealed class WireGuardToolTests : IDisposable
{
    private readonly FakeWireGuard _fake = new();

    [Fact]
    public async Task An_interface_is_read_and_its_endpoints_are_set()
    {
        _fake.Write("wg0", key: 1, port: 51820, mark: "off", (2, "(none)"), (3, "198.51.100.3:1"), (4, "198.51.100.4:1"));
        WireGuardTool tool = new("wg0", _fake.Program);

        await tool.SetEndpointsAsync([new PeerEndpoint(Keys.Peer(2), Parse("127.99.0.2:5")), new PeerEndpoint(Keys.Peer(4), Parse("[2001:db8::4]:5"))], default);
        InterfaceDump dump = await tool.DumpAsync(default);

        Assert.Equal(51820, dump.ListenPort);
        Assert.Equal("127.99.0.2:5", dump.Endpoints[Keys.Peer(2)].ToString());
        Assert.Equal("198.51.100.3:1", dump.Endpoints[Keys.Peer(3)].ToString());
        Assert.Equal("[2001:db8::4]:5", dump.Endpoints[Keys.Peer(4)].ToString());
        Assert.Equal(Keys.Peer(1), (await tool.PrivateKeyAsync(default))!.PublicKey);
    }

    [Fact]
    public async Task An_interface_with_hundreds_of_peers_takes_several_calls()
    {
        (int, string)[] peers = [.. Enumerable.Range(2, 300).Select(peer => (peer, "(none)"))];
        _fake.Write("wg0", 1, 51820, "off", peers);

        PeerEndpoint[] endpoints = [.. Enumerable.Range(2, 300).Where(peer => peer is < 10 or > 290).Select(peer => new PeerEndpoint(Keys.Peer(peer), TransportAddress.FromIpv4(0x7f630000 + (uint)peer, 7)))];
        await new WireGuardTool("wg0", _fake.Program).SetEndpointsAsync(endpoints, default);

        Assert.All(endpoints, endpoint => Assert.Equal(endpoint.Address, _fake.EndpointOf("wg0", endpoint.Peer)));
    }

    [Fact]
    public async Task A_peer_that_is_made_anew_has_all_it_had_and_an_endpoint()
    {
        string before = $"{Keys.PrivateText(1)}\t{Keys.Peer(1).ToBase64()}\t51820\toff\n"
            + $"{Keys.Peer(2).ToBase64()}\t{Keys.PrivateText(8)}\t(none)\t10.9.0.2/32,fd00:9::2/128\t0\t0\t0\t25\n"
            + $"{Keys.Peer(3).ToBase64()}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n";
        _fake.Write("wg0", before);
        WireGuardTool tool = new("wg0", _fake.Program);
        InterfaceDump dump = await tool.DumpAsync(default);

        foreach (int peer in new[] { 2, 3 }) await tool.MakeAnewAsync(new PeerEndpoint(Keys.Peer(peer), Parse($"127.99.0.{peer}:5")), dump.Untried[Keys.Peer(peer)], default);

        Assert.Equal(before.Replace($"{Keys.PrivateText(8)}\t(none)", $"{Keys.PrivateText(8)}\t127.99.0.2:5").Replace("(none)\t(none)\t(none)", "(none)\t127.99.0.3:5\t(none)"), _fake.DumpOf("wg0"));
    }

    [Fact]
    public async Task A_missing_interface_is_told_in_the_programs_words()
    {
        WireGuardToolException exception = await Assert.ThrowsAsync<WireGuardToolException>(() => new WireGuardTool("wg7", _fake.Program).DumpAsync(default));

        Assert.Contains("No such device", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_program_is_told_with_what_to_install()
    {
        WireGuardToolException exception = await Assert.ThrowsAsync<WireGuardToolException>(() => new WireGuardTool("wg0", "/nowhere/wg").DumpAsync(default));

        Assert.Equal("there is no program /nowhere/wg", exception.Message);
        Assert.Equal("install wireguard-tools", exception.Remedy);
    }

    [Theory]
    [InlineData("Unable to access interface: Permission denied")]
    [InlineData("Unable to access interface: Operation not permitted")]
    public async Task A_user_who_may_not_ask_is_told_what_it_takes(string refusal)
    {
        string program = _fake.ProgramThatRefuses(refusal);

        WireGuardToolException exception = await Assert.ThrowsAsync<WireGuardToolException>(() => new WireGuardTool("wg0", program).DumpAsync(default));

        Assert.Contains(refusal, exception.Message, StringComparison.Ordinal);
        Assert.Equal("run as root, or with CAP_NET_ADMIN", exception.Remedy);
    }

    public void Dispose() => _fake.Dispose();

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
