using System.Text;
using Addresses;
using Node.Traversal.Core.Netcheck;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class CaptivePortalTests
{
    private static readonly TransportAddress Relay = Address("203.0.113.1:80");

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_203.0.113.1\r\n\r\n", false)]
    [InlineData("HTTP/1.1 204 No Content\r\nx-tailscale-response:response ts_203.0.113.1\r\nServer: x\r\n\r\n", false)]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", true)] // It cannot know the challenge.
    [InlineData("HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_203.0.113.2\r\n\r\n", true)]
    [InlineData("HTTP/1.1 204 No Content\r\nX-Tailscale-Response: response ts_203.0.113.1\r\n\r\n<html>", true)]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n<html>", true)]
    [InlineData("HTTP/1.1 511 Network Authentication Required\r\n\r\n", true)]
    [InlineData("<html>", true)]
    [InlineData("HTTP/1.1 204 No Content\r\nX-Tailscale-Resp", null)]
    public void An_answer_that_is_not_the_relays_is_a_portals(string answer, bool? isPortal)
    {
        Assert.Equal(isPortal, CaptivePortal.Judge(Encoding.ASCII.GetBytes(answer), Relay));
    }

    [Fact]
    public void The_question_carries_the_challenge_and_asks_no_cache()
    {
        string request = Encoding.ASCII.GetString(CaptivePortal.Request(Relay, 1234));

        Assert.StartsWith("GET /generate_204?t=1234 HTTP/1.1\r\nHost: 203.0.113.1\r\n", request, StringComparison.Ordinal);
        Assert.Contains("X-Tailscale-Challenge: ts_203.0.113.1\r\n", request, StringComparison.Ordinal);
        Assert.Contains("no-cache", request, StringComparison.Ordinal);
    }

    [Fact]
    public void The_preferred_regions_relays_are_asked_first_and_never_many()
    {
        RelayMap map = new([.. Enumerable.Range(1, 9).Select(id => new RelayRegion
        {
            Id = id,
            Code = $"r{id}",
            Nodes = [new RelayNode { Name = "a", HostName = "a", Ipv4 = Address($"203.0.113.{id}:0"), HasHttp = id != 2 }, new RelayNode { Name = "b", HostName = "b", HasHttp = true }],
        })]);

        Assert.Equal(["203.0.113.7:80", "203.0.113.1:80", "203.0.113.3:80", "203.0.113.4:80", "203.0.113.5:80"], CaptivePortal.Endpoints(map, 7).Select(endpoint => $"{endpoint}"));
    }

    [Theory]
    [InlineData("eth0", true)]
    [InlineData("wlp3s0", true)]
    [InlineData("wg0", false)]
    [InlineData("docker0", false)]
    [InlineData("TUN3", false)]
    public void Tunnels_and_containers_are_not_asked_by(string name, bool isWorthAsking)
    {
        Assert.Equal(isWorthAsking, PortalInterfaces.IsWorthAsking(name));
    }
}
