using System.Globalization;
using System.Net;

namespace Node.Agent.Stun;

/// <summary>The server that <c>relay-node stun</c> is to ask: <c>HOST[:PORT]</c>, or a URI of RFC 7064.</summary>
/// <param name="Host">A name or an address.</param>
/// <param name="Port">The port; null = none given.</param>
/// <param name="IsTls">Says that the URI wants TLS (<c>stuns:</c>).</param>
internal sealed record StunTarget(string Host, ushort? Port, bool IsTls)
{
    /// <summary>STUN over UDP and TCP (RFC 8489 §18.6).</summary>
    public const ushort DefaultPort = 3478;

    /// <summary>STUN over TLS.</summary>
    public const ushort DefaultTlsPort = 5349;

    private const int MaxNameLength = 253; // Of a DNS name.

    /// <summary>Reads it; false where it is nothing of the kind. IPv6 addresses with a port stand in brackets.</summary>
    public static bool TryParse(string text, out StunTarget target)
    {
        target = new StunTarget("", null, false);
        bool isTls = text.StartsWith("stuns:", StringComparison.OrdinalIgnoreCase);
        if (isTls || text.StartsWith("stun:", StringComparison.OrdinalIgnoreCase)) text = text[(text.IndexOf(':') + 1)..];

        if (IPAddress.TryParse(text, out IPAddress? bare) && text.Contains(':') && text[0] != '[')
        {
            target = new StunTarget(bare.ToString(), null, isTls);
            return true;
        }

        int end = text.StartsWith('[') ? text.IndexOf(']') + 1 : text.IndexOf(':') is var colon and >= 0 ? colon : text.Length;
        string host = text[..end];
        string rest = text[end..];
        ushort? port = null;
        if (rest.Length > 0)
        {
            bool isPort = rest[0] == ':' && ushort.TryParse(rest[1..], NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) && (port = number) > 0;
            if (!isPort) return false;
        }

        if (host.StartsWith('['))
        {
            if (!IPAddress.TryParse(host[1..^1], out IPAddress? bracketed) || !host.Contains(':')) return false;
            host = bracketed.ToString();
        }
        else if (!IsName(host))
        {
            return false;
        }

        target = new StunTarget(host, port, isTls);
        return true;
    }

    /// <summary>Digits and dots alone must be an IPv4 address of four parts: the base library also takes "127.1", and a typing error is none.</summary>
    private static bool IsName(string host)
    {
        if (host.Length is 0 or > MaxNameLength || !host.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_')) return false;
        bool isNumeric = host.All(letter => char.IsAsciiDigit(letter) || letter == '.');
        return isNumeric ? host.Count(letter => letter == '.') == 3 && IPAddress.TryParse(host, out _) : host[0] is not ('-' or '.');
    }
}
