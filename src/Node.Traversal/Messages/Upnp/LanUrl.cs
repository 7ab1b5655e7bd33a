using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Addresses;

namespace Node.Traversal.Messages.Upnp;

/// <summary>
/// A URL as routers give them: <c>http://192.168.1.1:5000/rootDesc.xml</c>. Only an address in its plain spelling counts as a host: a name could
/// be anybody's, and every other spelling (IPv4 inside IPv6, hexadecimal, a number) is somebody's attempt to get past a check.
/// </summary>
/// <param name="Host">Address and port.</param>
/// <param name="Path">The path with its query; begins with a slash.</param>
internal readonly record struct LanUrl(TransportAddress Host, string Path)
{
    /// <summary>Bytes of a URL: a longer one is none.</summary>
    public const int MaxLength = 512;

    private const string Scheme = "http://";
    private const ushort DefaultPort = 80;

    /// <summary>Reads an absolute one. False for what is none, or names no plain address.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out LanUrl url)
    {
        url = default;
        if (text.Length > MaxLength || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) || !IsPlain(text)) return false;
        ReadOnlySpan<char> rest = text[Scheme.Length..];
        int slash = rest.IndexOfAny('/', '?');
        ReadOnlySpan<char> host = slash < 0 ? rest : rest[..slash];
        if (!TryReadHost(host, out TransportAddress address)) return false;

        url = new LanUrl(address, AsPath(slash < 0 ? "" : rest[slash..]));
        return true;
    }

    /// <summary>Reads one that counts from this one: absolute, a path, or the end of a path.</summary>
    public bool TryResolve(ReadOnlySpan<char> text, out LanUrl url)
    {
        if (text.Contains("://", StringComparison.Ordinal)) return TryRead(text, out url);
        url = default;
        if (text.IsEmpty || text.Length > MaxLength || !IsPlain(text) || text.StartsWith("//")) return false; // "//host/path" names another host.

        int query = Path.IndexOf('?', StringComparison.Ordinal);
        string path = query < 0 ? Path : Path[..query];
        string resolved = text[0] == '/' ? text.ToString() : string.Concat(path.AsSpan(0, path.LastIndexOf('/') + 1), text);
        if (resolved.Length > MaxLength) return false;
        url = this with { Path = resolved };
        return true;
    }

    private static bool TryReadHost(ReadOnlySpan<char> text, out TransportAddress address)
    {
        address = default;
        ReadOnlySpan<char> host = text;
        ushort port = DefaultPort;
        int colon = text.LastIndexOf(':');
        if (colon >= 0 && colon > text.LastIndexOf(']'))
        {
            host = text[..colon];
            if (!ushort.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) || port == 0) return false;
        }

        bool isBracketed = host.Length > 2 && host[0] == '[' && host[^1] == ']';
        if (isBracketed) host = host[1..^1];
        int zone = host.IndexOf('%'); // A router may name its own zone; ours is the link's.
        if (isBracketed && zone > 0) host = host[..zone];
        if (!IPAddress.TryParse(host, out IPAddress? ip)) return false;

        address = TransportAddress.From(ip, port);
        bool isIpv4 = ip.AddressFamily == AddressFamily.InterNetwork;
        if (isIpv4) return !isBracketed && host.SequenceEqual(ip.ToString()); // Also "0x7f.1" and "2130706433" would be read as addresses.
        return isBracketed && address.IsIpv6;
    }

    /// <summary>Visible ASCII: nothing that could end a line of a request, or begin another.</summary>
    private static bool IsPlain(ReadOnlySpan<char> text) => !text.ContainsAnyExceptInRange('!', '~') && !text.ContainsAny('\\', '#', '@');

    private static string AsPath(ReadOnlySpan<char> text) => text.IsEmpty || text[0] != '/' ? $"/{text}" : text.ToString();
}
