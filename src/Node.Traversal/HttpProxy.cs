using System.Globalization;
using System.Net;
using System.Text;

namespace Node.Traversal;

/// <summary>An HTTP proxy that opens connections on request (CONNECT, RFC 9110 §9.3.6).</summary>
/// <remarks>Its text form leaves the credentials out.</remarks>
public sealed record HttpProxy
{
    private const string Scheme = "http://";
    private const ushort DefaultPort = 80;
    private const int MaxCredentialsLength = 1024;

    private HttpProxy(string host, ushort port, string? authorization, NetworkCredential? credentials)
    {
        Host = host;
        Port = port;
        Authorization = authorization;
        Credentials = credentials;
    }

    /// <summary>Its name or address, without brackets.</summary>
    public string Host { get; }

    /// <summary>Its TCP port.</summary>
    public ushort Port { get; }

    /// <summary>Says whether it is shown a user name and a password.</summary>
    public bool HasCredentials => Authorization is not null;

    /// <summary>The value of Proxy-Authorization: Basic (RFC 7617), in UTF-8; null = none.</summary>
    internal string? Authorization { get; }

    private NetworkCredential? Credentials { get; }

    /// <summary>The proxy for HttpClient and its like.</summary>
    public IWebProxy ToWebProxy() => new WebProxy(new UriBuilder(Uri.UriSchemeHttp, Host, Port).Uri) { Credentials = Credentials };

    /// <summary>Reads <c>[http://][USER:PASSWORD@]HOST[:PORT]</c>; special characters of user and password are written as %XX. The port is 80 where it is left out.</summary>
    /// <exception cref="FormatException">It is nothing of the kind: the message says why, and never quotes the text, for a password may be in it.</exception>
    public static HttpProxy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string trimmed = text.Trim();
        int scheme = trimmed.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0 && !trimmed.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            string name = trimmed[..scheme];
            throw new FormatException(name.All(char.IsAsciiLetterOrDigit) ? $"a proxy of the kind {name}:// is not supported, only http://" : "it is no address of a proxy");
        }

        string rest = (scheme >= 0 ? trimmed[Scheme.Length..] : trimmed).TrimEnd('/');
        int at = rest.LastIndexOf('@');
        (string host, ushort port) = ParseHost(rest[(at + 1)..]);
        if (at < 0) return new HttpProxy(host, port, null, null);

        int colon = rest.IndexOf(':', 0, at);
        if (colon < 0) throw new FormatException("there is a user name without a password");
        string user = Uri.UnescapeDataString(rest[..colon]);
        string password = Uri.UnescapeDataString(rest[(colon + 1)..at]);
        if (user.Contains(':', StringComparison.Ordinal) || user.Any(char.IsControl) || password.Any(char.IsControl)) throw new FormatException("the user name has a colon, or a control character stands in it or in the password");
        byte[] credentials = Encoding.UTF8.GetBytes($"{user}:{password}");
        if (credentials.Length > MaxCredentialsLength) throw new FormatException($"user name and password are longer than {MaxCredentialsLength} bytes");
        return new HttpProxy(host, port, $"Basic {Convert.ToBase64String(credentials)}", new NetworkCredential(user, password));
    }

    /// <summary>Two are the same that lead to one place with the same credentials.</summary>
    public bool Equals(HttpProxy? other) => other is not null && Host.Equals(other.Host, StringComparison.OrdinalIgnoreCase) && Port == other.Port && Authorization == other.Authorization;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Host.ToUpperInvariant(), Port, Authorization);

    /// <summary>Host and port; never the credentials.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static (string Host, ushort Port) ParseHost(string text)
    {
        int bracket = text.StartsWith('[') ? text.IndexOf(']', StringComparison.Ordinal) : -1;
        int colon = text.IndexOf(':', bracket + 1);
        string host = bracket > 0 ? text[1..bracket] : colon < 0 ? text : text[..colon];
        bool isGoodHost = bracket > 0
            ? IPAddress.TryParse(host, out _) && (colon == bracket + 1 || text.Length == bracket + 1)
            : Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4;
        if (!isGoodHost) throw new FormatException("there is no host in it");
        if (colon < 0) return (host, DefaultPort);
        bool isGoodPort = ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0;
        return isGoodPort ? (host, port) : throw new FormatException("its port is no number from 1 to 65535");
    }
}
