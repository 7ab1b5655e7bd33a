using System.Net;
using Addresses;
using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>The proxies in front of the relay: they, and nobody else, are believed about whose connection they bring.</summary>
internal sealed class TrustedProxies(IReadOnlyList<IpPrefix> prefixes)
{
    /// <summary>Nobody is believed.</summary>
    public static readonly TrustedProxies None = new([]);

    /// <summary>The most addresses a forwarded-for field may name: no chain of proxies is that long.</summary>
    public const int MaxForwardedFor = 32;

    /// <summary>Says whether what comes from there is a trusted proxy's.</summary>
    public bool Contains(TransportAddress address)
    {
        foreach (IpPrefix prefix in prefixes)
        {
            if (prefix.Contains(address)) return true;
        }

        return false;
    }

    /// <summary>
    /// Finds the client behind a request: each proxy appends whom it has the request from, so the list is read from its end, for as long as
    /// the one who wrote an entry is trusted.
    /// </summary>
    /// <param name="remote">Who has brought the request.</param>
    /// <param name="forwardedFor">The value of X-Forwarded-For; null or empty = none. Several fields are joined by commas.</param>
    /// <returns>The client's address; its port is 0 where the proxy does not say it.</returns>
    /// <exception cref="RelayProtocolException">A trusted proxy has written what is no address.</exception>
    public TransportAddress ClientOf(TransportAddress remote, string? forwardedFor)
    {
        if (string.IsNullOrEmpty(forwardedFor) || !Contains(remote)) return remote;

        string[] entries = forwardedFor.Split(',');
        if (entries.Length > MaxForwardedFor) throw new RelayProtocolException($"X-Forwarded-For names {entries.Length} addresses, over {MaxForwardedFor}.");
        for (int i = entries.Length - 1; i >= 0 && Contains(remote); i--)
        {
            if (!TryRead(entries[i].AsSpan().Trim(), out remote)) throw new RelayProtocolException("X-Forwarded-For names what is no address.");
        }

        return remote;
    }

    /// <summary>An address, in brackets or not, with a port or without: proxies write all of these.</summary>
    private static bool TryRead(ReadOnlySpan<char> text, out TransportAddress address)
    {
        if (TransportAddress.TryParse(text, out address)) return true;
        if (text.Length > 2 && text[0] == '[' && text[^1] == ']') text = text[1..^1];
        else if (!text.Contains(':') && text.Count('.') != 3) return false; // The base library also takes "127.1" and "1".
        if (text.Contains('%') || !IPAddress.TryParse(text, out IPAddress? ip)) return false;
        address = TransportAddress.From(ip, 0);
        return true;
    }
}
