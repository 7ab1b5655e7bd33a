using Node.Agent.WireGuard;

namespace Node.Agent.Tests.WireGuard;

public class WireGuardConfigAdviceTests
{
    [Fact]
    public void An_ordinary_file_needs_none() =>
        Assert.Empty(AdviceOn(Peer(2, "AllowedIPs = 10.0.0.0/8, 10.0.0.0/8"), Peer(3, "AllowedIPs = 10.0.0.3/32, ::/0", "Endpoint = 192.0.2.3:7", "#Relay = on"), Peer(4, "AllowedIPs = 10.0.0.4", "Endpoint = name.example:7")));

    [Fact]
    public void The_same_range_at_two_peers_is_named_with_both_lines() =>
        Assert.Equal("line 5: AllowedIPs 10.0.0.0/8 are those of the peer in line 2 too, which loses them", Assert.Single(AdviceOn(Peer(2, "AllowedIPs = 10.1.2.3/8"), Peer(3, "AllowedIPs = 10.0.0.0/8"))));

    [Fact]
    public void A_peer_to_which_nothing_is_sent_is_named() => Assert.StartsWith("line 2: this peer has no AllowedIPs", Assert.Single(AdviceOn(Peer(2))), StringComparison.Ordinal);

    [Fact]
    public void An_endpoint_that_is_a_name_is_no_address_to_try() =>
        Assert.StartsWith("line 2: a name in an Endpoint", Assert.Single(AdviceOn(Peer(2, "AllowedIPs = 10.0.0.2", "Endpoint = name.example:7", "#Relay = on"))), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_leaves_nothing_to_do_is_noticed()
    {
        Assert.StartsWith("no peer is carried", Assert.Single(AdviceOn()), StringComparison.Ordinal);
        Assert.StartsWith("no peer is carried", Assert.Single(AdviceOn(Peer(1, "AllowedIPs = 10.0.0.1"), Peer(2, "AllowedIPs = 10.0.0.2", "Endpoint = 192.0.2.2:7"))), StringComparison.Ordinal);
    }

    private static string Peer(int number, params string[] lines) => $"[Peer]\nPublicKey = {Keys.Peer(number).ToBase64()}\n{string.Join('\n', lines)}\n";

    private static string[] AdviceOn(params string[] peers) => [.. WireGuardConfigAdvice.Of(WireGuardConfigParser.Parse("[Interface]\n" + string.Concat(peers)), Keys.Peer(1))];
}
