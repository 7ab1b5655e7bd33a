using System.Globalization;
using System.Net;
using Addresses;

namespace Node.Traversal.Core.Proxies;

/// <summary>The hosts that are reached without a proxy: NO_PROXY as people write it.</summary>
internal sealed class NoProxyList : IEquatable<NoProxyList>
{
    /// <summary>Entries beyond this are not looked at: nobody writes so many.</summary>
    public const int MaxEntries = 1000;

    private readonly string _text;
    private readonly List<Entry> _entries = [];

    private NoProxyList(string text) => _text = text;

    /// <summary>No host.</summary>
    public static NoProxyList Empty { get; } = new("");

    /// <summary>Reads entries separated by commas or spaces: <c>*</c>, a name with or without a dot before it, an address, a range; each with a port or without. What is none of these matches nothing.</summary>
    public static NoProxyList Parse(string text)
    {
        NoProxyList list = new(text);
        foreach (string word in text.Split([',', ' ', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Take(MaxEntries))
        {
            list._entries.Add(Entry.Parse(word));
        }

        return list;
    }

    /// <summary>Says whether a host is on the list, by its name or by one of its addresses.</summary>
    public bool Covers(string host, IReadOnlyList<TransportAddress> addresses, ushort port) => _entries.Exists(entry => entry.Covers(host.TrimEnd('.'), addresses, port));

    /// <inheritdoc/>
    public bool Equals(NoProxyList? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as NoProxyList);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    private sealed record Entry(string Name, IpPrefix? Range, ushort? Port)
    {
        public static Entry Parse(string word)
        {
            int bracket = word.StartsWith('[') ? word.IndexOf(']', StringComparison.Ordinal) : -1;
            int colon = bracket < 0 && word.AsSpan().Count(':') > 1 ? -1 : word.IndexOf(':', bracket + 1); // An IPv6 address without brackets has no port.
            ushort? port = colon > 0 && ushort.TryParse(word.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort number) ? number : null;
            string host = bracket > 0 ? word[1..bracket] : port is null ? word : word[..colon];
            if (IpPrefix.TryParse(host, out IpPrefix range)) return new Entry("", range, port);
            return new Entry(host == "*" ? host : host.TrimStart('*').Trim('.'), null, port);
        }

        public bool Covers(string host, IReadOnlyList<TransportAddress> addresses, ushort port)
        {
            if (Port is { } only && only != port) return false;
            if (Range is { } range) return addresses.Any(range.Contains);
            if (Name == "*") return true;
            if (Name.Length == 0 || IPAddress.TryParse(host, out _)) return false;
            return host.Equals(Name, StringComparison.OrdinalIgnoreCase) || host.EndsWith($".{Name}", StringComparison.OrdinalIgnoreCase);
        }
    }
}
