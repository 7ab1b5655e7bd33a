using System.Text;
using Addresses;

namespace Node.Traversal.Messages.Upnp;

/// <summary>Writes searches for routers (UPnP Device Architecture 1.1 §1.3.2).</summary>
internal static class SsdpSearch
{
    public const ushort Port = 1900;

    /// <summary>What answers to one or the other: some routers know only their own version, some only the general question.</summary>
    public static IReadOnlyList<string> Targets { get; } =
        ["urn:schemas-upnp-org:device:InternetGatewayDevice:1", "urn:schemas-upnp-org:device:InternetGatewayDevice:2", "ssdp:all"];

    /// <summary>The group that routers listen to: 239.255.255.250, or ff02::c on the link.</summary>
    public static TransportAddress Group(bool isIpv4) =>
        isIpv4 ? TransportAddress.FromIpv4(0xeffffffa, Port) : TransportAddress.FromIpv6((UInt128)0xff02 << 112 | 0xc, Port);

    /// <summary>One search. It asks to be answered within a second.</summary>
    /// <param name="destination">The group, or the router itself.</param>
    /// <param name="target">What is searched for.</param>
    public static byte[] Write(TransportAddress destination, string target) =>
        Encoding.ASCII.GetBytes($"M-SEARCH * HTTP/1.1\r\nHOST: {destination}\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {target}\r\n\r\n");
}

/// <summary>A search's answer (UPnP Device Architecture 1.1 §1.3.3): a status line, and headers of which we read three.</summary>
/// <param name="Location">Where the description is said to be.</param>
/// <param name="IsRouter">Says that it speaks of an Internet gateway device, or of a service of one.</param>
internal readonly record struct SsdpAnswer(string Location, bool IsRouter)
{
    /// <summary>The longest that is read.</summary>
    public const int MaxLength = 1400;

    /// <summary>Reads one. False for what is none, or has no location.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out SsdpAnswer answer)
    {
        answer = default;
        if (datagram.Length > MaxLength || !datagram.StartsWith("HTTP/1."u8)) return false;

        string text = Encoding.Latin1.GetString(datagram);
        string? location = null;
        bool isRouter = false;
        bool isFirst = true;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (isFirst)
            {
                isFirst = false;
                if (!IsOk(line)) return false;
                continue;
            }

            if (line.IsEmpty) break;
            int colon = line.IndexOf(':');
            if (colon < 0) continue;
            ReadOnlySpan<char> name = line[..colon].Trim();
            ReadOnlySpan<char> value = line[(colon + 1)..].Trim();
            if (name.Equals("LOCATION", StringComparison.OrdinalIgnoreCase)) location ??= value.ToString();
            else if (name.Equals("ST", StringComparison.OrdinalIgnoreCase) || name.Equals("USN", StringComparison.OrdinalIgnoreCase)) isRouter |= SpeaksOfRouter(value);
        }

        if (string.IsNullOrEmpty(location)) return false;
        answer = new SsdpAnswer(location, isRouter);
        return true;
    }

    private static bool IsOk(ReadOnlySpan<char> line)
    {
        int space = line.IndexOf(' ');
        return space > 0 && line[space..].TrimStart().StartsWith("200");
    }

    private static bool SpeaksOfRouter(ReadOnlySpan<char> value) =>
        value.Contains(":InternetGatewayDevice:", StringComparison.OrdinalIgnoreCase) || value.Contains(":WANConnectionDevice:", StringComparison.OrdinalIgnoreCase)
        || value.Contains(":WANIPConnection:", StringComparison.OrdinalIgnoreCase) || value.Contains(":WANPPPConnection:", StringComparison.OrdinalIgnoreCase)
        || value.Contains(":WANIPv6FirewallControl:", StringComparison.OrdinalIgnoreCase);
}
