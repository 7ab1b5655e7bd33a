using System.Globalization;
using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>
/// Reads a wg-quick file (wg(8) "configuration file format", wg-quick(8)): sections, <c>Key = value</c>, keys in any case, comments
/// from <c>#</c> to the end of the line. Our own settings are comments of the form <c>#RelayMap = …</c>, so the file stays valid for
/// every other tool. Keys we have no use for are passed over unread.
/// </summary>
internal sealed class WireGuardConfigParser
{
    /// <summary>4096: every peer takes a socket, and no interface of that size is run by hand.</summary>
    public const int MaxPeers = 4096;

    private const string OurPrefix = "#Relay";

    private readonly Dictionary<NodeKey, int> _lineOfPeer = [];
    private readonly Dictionary<string, int> _lineOfOurs = new(StringComparer.OrdinalIgnoreCase); // Of [Interface], or of the present [Peer].
    private readonly List<WireGuardPeer> _peers = [];
    private readonly List<TransportAddress> _addresses = [];
    private WireGuardConfig _config = new();
    private Section _section;
    private PeerSection? _peer;
    private int _line;

    private enum Section
    {
        None,
        Interface,
        Peer,
    }

    /// <exception cref="WireGuardConfigException">The text is no wg-quick file; the message says where and why.</exception>
    public static WireGuardConfig Parse(string text)
    {
        WireGuardConfigParser parser = new();
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            parser._line++;
            parser.HandleLine(line.Trim());
        }

        parser.EndPeer();
        return parser._config with { Peers = parser._peers, Addresses = parser._addresses };
    }

    private void HandleLine(ReadOnlySpan<char> line)
    {
        bool isOurs = line.StartsWith(OurPrefix, StringComparison.OrdinalIgnoreCase);
        ReadOnlySpan<char> content = isOurs ? line[1..] : line;
        int comment = content.IndexOf('#');
        if (comment >= 0) content = content[..comment].TrimEnd();
        if (content.IsEmpty) return;

        if (content[0] == '[')
        {
            BeginSection(content);
            return;
        }

        int equals = content.IndexOf('=');
        if (isOurs)
        {
            // A remark about relays may begin with the same letters, but not with one word and an equals sign.
            ReadOnlySpan<char> key = equals > 0 ? content[..equals].TrimEnd() : [];
            if (!key.IsEmpty && key.IndexOfAny(' ', '\t') < 0) SetOurs(key, content[(equals + 1)..].Trim());
            return;
        }

        if (equals <= 0) throw Wrong("this is neither a section nor a setting", "write Key = value");
        Set(content[..equals].TrimEnd(), content[(equals + 1)..].Trim());
    }

    private void BeginSection(ReadOnlySpan<char> name)
    {
        EndPeer();
        _lineOfOurs.Remove("Relay");
        if (Is(name, "[Interface]")) _section = Section.Interface;
        else if (Is(name, "[Peer]")) _section = Section.Peer;
        else throw Wrong("there is no such section", "write [Interface] or [Peer]");
        if (_section == Section.Peer) _peer = new PeerSection(_line);
    }

    private void Set(ReadOnlySpan<char> key, ReadOnlySpan<char> value)
    {
        if (_section == Section.None) throw Wrong("this setting is in no section", "begin the file with [Interface]");
        if (_peer is not null) SetPeer(_peer, key, value);
        else SetInterface(key, value);
    }

    private void SetInterface(ReadOnlySpan<char> key, ReadOnlySpan<char> value)
    {
        if (Is(key, "PrivateKey")) _config = _config with { PrivateKey = PrivateKey(value) };
        else if (Is(key, "ListenPort")) _config = _config with { ListenPort = Port(key, value) };
        else if (Is(key, "FwMark")) _config = _config with { FirewallMark = Mark(value) };
        else if (Is(key, "SaveConfig")) _config = _config with { SaveConfigLine = Is(value, "true") ? _line : null };
        else if (Is(key, "Address")) AddAddresses(value);
    }

    private void SetPeer(PeerSection peer, ReadOnlySpan<char> key, ReadOnlySpan<char> value)
    {
        if (Is(key, "PublicKey")) peer.PublicKey = PublicKey(value);
        else if (Is(key, "AllowedIPs")) AddRanges(peer.AllowedAddresses, value);
        else if (Is(key, "Endpoint")) peer.Endpoint = Endpoint(value);
    }

    private void SetOurs(ReadOnlySpan<char> key, ReadOnlySpan<char> value)
    {
        if (!_lineOfOurs.TryAdd(key.ToString(), _line)) throw Wrong($"#{key} is there already, in line {_lineOfOurs[key.ToString()]}", "keep one of them");
        if (_peer is not null && Is(key, "Relay")) _peer.Relay = Switch(key, value);
        else if (_section == Section.Interface && Is(key, "RelayMap")) _config = _config with { RelayMap = NotEmpty(key, value) };
        else if (_section == Section.Interface && Is(key, "RelayTokenFile")) _config = _config with { RelayTokenFile = NotEmpty(key, value) };
        else if (_section == Section.Interface && Is(key, "RelayProxy")) _config = _config with { RelayProxy = Proxy(value) };
        else if (_section == Section.Interface && Is(key, "RelayPort")) _config = _config with { RelayPort = Port("#RelayPort", value) };
        else if (_section == Section.Interface && Is(key, "RelayPortMapping")) _config = _config with { RelayPortMapping = Switch(key, value) };
        else if (_section == Section.Interface && Is(key, "RelayAdvertise")) _config = _config with { RelayAdvertise = Advertised(value) };
        else throw Wrong($"there is no setting #{key} here", "known are #RelayMap, #RelayTokenFile, #RelayProxy, #RelayPort, #RelayPortMapping and #RelayAdvertise in [Interface], #Relay in [Peer]");
    }

    private void EndPeer()
    {
        if (_peer is not { } peer) return;
        _peer = null;

        if (peer.PublicKey is not { } key) throw new WireGuardConfigException(peer.Line, "this peer has no PublicKey", "give it one");
        if (!_lineOfPeer.TryAdd(key, peer.Line)) throw new WireGuardConfigException(peer.Line, $"the peer {key.ToBase64()} is there already, in line {_lineOfPeer[key]}", "keep one of them");
        if (_peers.Count == MaxPeers) throw new WireGuardConfigException(peer.Line, $"these are more than {MaxPeers} peers", "spread them over several interfaces");

        _peers.Add(new WireGuardPeer { PublicKey = key, Line = peer.Line, AllowedAddresses = peer.AllowedAddresses, Endpoint = peer.Endpoint, Relay = peer.Relay });
    }

    private void AddAddresses(ReadOnlySpan<char> value)
    {
        foreach (Range part in value.Split(','))
        {
            ReadOnlySpan<char> text = value[part].Trim();
            if (text.IsEmpty) continue;
            int slash = text.IndexOf('/');
            if (!IpPrefix.TryParse(text, out _) || !System.Net.IPAddress.TryParse(slash < 0 ? text : text[..slash], out System.Net.IPAddress? address))
            {
                throw Wrong($"Address: '{text}' is no address", "write it like 10.0.0.1/24");
            }

            _addresses.Add(TransportAddress.From(address, 0));
        }
    }

    private void AddRanges(List<IpPrefix> ranges, ReadOnlySpan<char> value)
    {
        foreach (Range part in value.Split(','))
        {
            ReadOnlySpan<char> text = value[part].Trim();
            if (text.IsEmpty) continue;
            if (!IpPrefix.TryParse(text, out IpPrefix range)) throw Wrong($"AllowedIPs: '{text}' is no range of addresses", "write it like 10.0.0.0/24");
            ranges.Add(range);
        }
    }

    private NodeKeyPair PrivateKey(ReadOnlySpan<char> value) =>
        NodeKeyPair.TryParseBase64(value, out NodeKeyPair? pair) && pair is not null ? pair : throw Wrong("PrivateKey is no key", "write the 44 characters that wg genkey prints");

    private NodeKey PublicKey(ReadOnlySpan<char> value) =>
        NodeKey.TryParseBase64(value, out NodeKey key) && !key.IsZero ? key : throw Wrong("PublicKey is no key", "write the 44 characters that wg pubkey prints");

    private ushort Port(ReadOnlySpan<char> key, ReadOnlySpan<char> value) =>
        ushort.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : throw Wrong($"{key}: '{value}' is no port", "write a number from 0 to 65535");

    /// <summary>An endpoint as it is written, an address or a name; null for one on loopback, which is ours from an earlier run.</summary>
    private string? Endpoint(ReadOnlySpan<char> value)
    {
        int colon = value.LastIndexOf(':');
        bool isGood = colon > 0 && ushort.TryParse(value[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out _);
        if (!isGood) throw Wrong($"Endpoint: '{value}' is no address or name with a port", "write HOST:PORT, or leave it out and let it be found");
        return IsOnLoopback(value) ? null : value.ToString();
    }

    private uint Mark(ReadOnlySpan<char> value)
    {
        if (Is(value, "off")) return 0;
        bool isHex = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isGood = isHex
            ? uint.TryParse(value[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint mark)
            : uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out mark);
        return isGood ? mark : throw Wrong($"FwMark: '{value}' is no mark", "write off, a number or 0x…");
    }

    private bool Switch(ReadOnlySpan<char> key, ReadOnlySpan<char> value)
    {
        if (Is(value, "on")) return true;
        return Is(value, "off") ? false : throw Wrong($"#{key}: '{value}' is neither on nor off", "write on or off");
    }

    private string Proxy(ReadOnlySpan<char> value)
    {
        string text = value.ToString();
        return RelayProxyChoice.ProblemOf(text) is { } problem ? throw Wrong($"#RelayProxy: {problem}", RelayProxyChoice.Remedy) : text;
    }

    private IReadOnlyList<TransportAddress> Advertised(ReadOnlySpan<char> value) =>
        AdvertisedAddresses.TryRead(value.ToString(), out IReadOnlyList<TransportAddress> addresses) is { } problem ? throw Wrong($"#RelayAdvertise: {problem}", AdvertisedAddresses.Remedy) : addresses;

    private string NotEmpty(ReadOnlySpan<char> key, ReadOnlySpan<char> value) => value.IsEmpty ? throw Wrong($"#{key} is empty", "give a file or an https:// URL") : value.ToString();

    private static bool IsOnLoopback(ReadOnlySpan<char> endpoint) =>
        endpoint.StartsWith("localhost:", StringComparison.OrdinalIgnoreCase)
        || (TransportAddress.TryParse(endpoint, out TransportAddress address) && AddressScopes.ScopeOf(address) == AddressScope.Loopback);

    private static bool Is(ReadOnlySpan<char> text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);

    private WireGuardConfigException Wrong(string problem, string remedy) => new(_line, problem, remedy);

    /// <summary>A <c>[Peer]</c> that is being read.</summary>
    private sealed class PeerSection(int line)
    {
        public int Line => line;
        public NodeKey? PublicKey { get; set; }
        public List<IpPrefix> AllowedAddresses { get; } = [];
        public string? Endpoint { get; set; }
        public bool? Relay { get; set; }
    }
}
