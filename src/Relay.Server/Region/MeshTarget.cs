using System.Globalization;
using Addresses;

namespace Relay.Server.Region;

/// <summary>Another relay of the region, as an operator names it: <c>HOST[:PORT][/DIALHOST]</c>.</summary>
/// <param name="Host">Its name, which its certificate must be for.</param>
/// <param name="Port">Its TLS port.</param>
/// <param name="DialHost">Where to reach it, if not by that name: on a private network, say.</param>
internal sealed record MeshTarget(string Host, int Port, string DialHost)
{
    private const int HttpsPort = 443;

    /// <summary>Reads the operator's form; false where it is something else.</summary>
    public static bool TryParse(string text, out MeshTarget? target)
    {
        target = null;
        string[] parts = text.Split('/');
        if (parts.Length > 2) return false;

        string host = parts[0];
        int port = HttpsPort;
        int colon = host.LastIndexOf(':');
        bool hasPort = colon > host.LastIndexOf(']') && (host.StartsWith('[') || host.IndexOf(':') == colon);
        if (hasPort)
        {
            if (!int.TryParse(host.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > ushort.MaxValue) return false;
            host = host[..colon];
        }

        host = Bare(host);
        string dialHost = parts.Length == 2 ? Bare(parts[1]) : host;
        if (!IsHost(host) || !IsHost(dialHost)) return false;
        target = new MeshTarget(host, port, dialHost);
        return true;
    }

    /// <summary>The value of the Host field.</summary>
    public string HostField
    {
        get
        {
            string name = Host.Contains(':') ? $"[{Host}]" : Host;
            return Port == HttpsPort ? name : $"{name}:{Port}";
        }
    }

    public override string ToString() => DialHost == Host ? HostField : $"{HostField}/{DialHost}";

    private static string Bare(string host) => host.StartsWith('[') && host.EndsWith(']') ? host[1..^1] : host;

    private static bool IsHost(string host) => IpPrefix.TryParse(host, out _) ? !host.Contains('/') : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv6;
}
