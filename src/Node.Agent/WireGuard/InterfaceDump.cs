using System.Globalization;
using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>What <c>wg show IF dump</c> says of an interface, without its private key.</summary>
/// <param name="PublicKey">The interface's key; null while it has none.</param>
/// <param name="ListenPort">The UDP port WireGuard listens on; 0 while it does not.</param>
/// <param name="FirewallMark">The mark on WireGuard's packets; 0 = off.</param>
/// <param name="Endpoints">The interface's peers, each with its endpoint; not valid where it has none.</param>
internal sealed record InterfaceDump(NodeKey? PublicKey, ushort ListenPort, uint FirewallMark, IReadOnlyDictionary<NodeKey, TransportAddress> Endpoints)
{
    private const string None = "(none)";
    private const string Never = "0"; // The time of a handshake that has not been.
    private const int InterfaceFields = 4; // private-key, public-key, listen-port, fwmark.
    private const int PeerFields = 8; // public-key, preshared-key, endpoint, allowed-ips, latest-handshake, transfer-rx, transfer-tx, persistent-keepalive.

    /// <summary>Those of the peers that have neither an endpoint nor ever shaken hands, with all that WireGuard knows of them.</summary>
    public IReadOnlyDictionary<NodeKey, UntriedPeer> Untried { get; private init; } = new Dictionary<NodeKey, UntriedPeer>();

    /// <summary>Reads the dump (wg(8)): fields between tabs, first the interface, then a line for each peer.</summary>
    /// <returns>Null where the text is no dump.</returns>
    public static InterfaceDump? Parse(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0) return null;

        string[] fields = lines[0].Split('\t');
        if (fields.Length != InterfaceFields) return null;
        if (!ushort.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port)) return null;
        if (!TryParseMark(fields[3], out uint mark)) return null;
        NodeKey? key = NodeKey.TryParseBase64(fields[1], out NodeKey publicKey) ? publicKey : null;

        Dictionary<NodeKey, TransportAddress> endpoints = [];
        Dictionary<NodeKey, UntriedPeer> untried = [];
        foreach (string line in lines.AsSpan(1))
        {
            string[] peer = line.Split('\t');
            if (peer.Length != PeerFields || !NodeKey.TryParseBase64(peer[0], out NodeKey peerKey)) return null;
            if (!TryParseEndpoint(peer[2], out TransportAddress endpoint)) return null;
            endpoints[peerKey] = endpoint;
            if (!endpoint.IsValid && peer[4] == Never) untried[peerKey] = new UntriedPeer(Given(peer[1], None), Given(peer[3], None), Given(peer[7], "off"));
        }

        return new InterfaceDump(key, port, mark, endpoints) { Untried = untried };
    }

    private static string? Given(string text, string nothing) => text == nothing ? null : text;

    private static bool TryParseMark(string text, out uint mark)
    {
        mark = 0;
        return text == "off" || (text.StartsWith("0x", StringComparison.Ordinal) && uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out mark));
    }

    private static bool TryParseEndpoint(string text, out TransportAddress endpoint)
    {
        endpoint = default;
        return text == None || TransportAddress.TryParse(text, out endpoint);
    }
}

/// <summary>What WireGuard knows of a peer to which it has never sent anything, in the words of <c>wg</c>. A class, so that nothing prints its secret.</summary>
/// <param name="presharedKey">A secret; null where there is none.</param>
/// <param name="allowedAddresses">Ranges joined by commas; null where there are none.</param>
/// <param name="keepalive">In seconds; null where it is off.</param>
internal sealed class UntriedPeer(string? presharedKey, string? allowedAddresses, string? keepalive)
{
    public string? PresharedKey => presharedKey;
    public string? AllowedAddresses => allowedAddresses;
    public string? Keepalive => keepalive;
}
