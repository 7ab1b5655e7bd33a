using System.Text;
using Addresses;
using Node.Traversal.Messages.Http;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Tells a captive portal: it answers plain HTTP in a relay's stead, and cannot know what the relay would have answered. Asked is a page
/// without content, with a challenge that the relay gives back.
/// </summary>
internal static class CaptivePortal
{
    /// <summary>The most relays asked at a time.</summary>
    public const int MaxEndpoints = 5;

    /// <summary>The port that portals listen in on.</summary>
    public const ushort Port = 80;

    private const int NoContent = 204;

    /// <summary>The relays to ask: those with plain HTTP and a known IPv4 address, the preferred region's first.</summary>
    public static IReadOnlyList<TransportAddress> Endpoints(RelayMap map, int preferredRegion) =>
    [
        .. map.Regions.OrderByDescending(region => region.Id == preferredRegion)
            .SelectMany(region => region.Nodes)
            .Where(node => node is { HasHttp: true, IsIpv4Off: false } && node.Ipv4.IsValid)
            .Select(node => node.Ipv4.WithPort(Port))
            .Distinct()
            .Take(MaxEndpoints),
    ];

    /// <summary>Writes the question.</summary>
    /// <param name="endpoint">Whom it goes to.</param>
    /// <param name="unixSeconds">The time, so that no cache answers.</param>
    public static byte[] Request(TransportAddress endpoint, long unixSeconds) => Encoding.ASCII.GetBytes(
        $"GET /generate_204?t={unixSeconds} HTTP/1.1\r\nHost: {endpoint.ToIPAddress()}\r\nUser-Agent: relay-node\r\nCache-Control: no-cache, no-store\r\nConnection: close\r\nX-Tailscale-Challenge: {ChallengeOf(endpoint)}\r\n\r\n");

    /// <summary>Says whether this answer is a portal's.</summary>
    /// <param name="answer">What has come so far.</param>
    /// <param name="endpoint">Who was asked.</param>
    /// <returns>Null where more must come before it can be told.</returns>
    public static bool? Judge(ReadOnlySpan<byte> answer, TransportAddress endpoint)
    {
        HttpHeadRead read = HttpResponseHead.TryRead(answer, out HttpResponseHead head);
        if (read == HttpHeadRead.Partial) return null;
        if (read == HttpHeadRead.Malformed || head.StatusCode != NoContent) return true;
        bool isEchoed = head.TryFind("X-Tailscale-Response"u8, out ReadOnlySpan<byte> response) && response.SequenceEqual(Encoding.ASCII.GetBytes($"response {ChallengeOf(endpoint)}"));
        return !isEchoed || answer.Length > head.Length;
    }

    private static string ChallengeOf(TransportAddress endpoint) => $"ts_{endpoint.ToIPAddress()}";
}
