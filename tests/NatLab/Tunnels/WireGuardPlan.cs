using System.Text;

namespace NatLab;

/// <summary>A peer in a wg-quick file.</summary>
public sealed record WireGuardPeer(string PublicKey, IReadOnlyList<string> AllowedIps)
{
    /// <summary>Where it is, for a tunnel without our agent; null is the normal case here.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Seconds between empty packets; 0 is none.</summary>
    public int PersistentKeepalive { get; init; }
}

/// <summary>What a wg-quick file says.</summary>
public sealed record WireGuardPlan
{
    public required WireGuardKeys Keys { get; init; }
    public required IReadOnlyList<string> Addresses { get; init; }
    public required IReadOnlyList<WireGuardPeer> Peers { get; init; }

    /// <summary>Where WireGuard listens. Hosts of one LAN have one each: a Linux NAT misbehaves where two share a port.</summary>
    public int ListenPort { get; init; } = 51820;

    /// <summary>Our own settings, as the comment lines that they are.</summary>
    public IReadOnlyList<string> RelayLines { get; init; } = [];

    public bool IsFullTunnel => Peers.Any(peer => peer.AllowedIps.Contains("0.0.0.0/0"));

    /// <summary>The whole file, as a person writes it.</summary>
    public string WgQuick
    {
        get
        {
            StringBuilder text = new();
            AppendInterface(text);
            text.AppendLine($"Address = {string.Join(", ", Addresses)}");
            foreach (string line in RelayLines) text.AppendLine(line);
            AppendPeers(text);
            return text.ToString();
        }
    }

    /// <summary>What is left for <c>wg setconf</c>, as <c>wg-quick strip</c> prints it.</summary>
    public string Stripped
    {
        get
        {
            StringBuilder text = new();
            AppendInterface(text);
            AppendPeers(text);
            return text.ToString();
        }
    }

    private void AppendInterface(StringBuilder text) => text.AppendLine("[Interface]").AppendLine($"PrivateKey = {Keys.PrivateKey}").AppendLine($"ListenPort = {ListenPort}");

    private void AppendPeers(StringBuilder text)
    {
        foreach (WireGuardPeer peer in Peers)
        {
            text.AppendLine().AppendLine("[Peer]").AppendLine($"PublicKey = {peer.PublicKey}").AppendLine($"AllowedIPs = {string.Join(", ", peer.AllowedIps)}");
            if (peer.Endpoint is not null) text.AppendLine($"Endpoint = {peer.Endpoint}");
            if (peer.PersistentKeepalive > 0) text.AppendLine($"PersistentKeepalive = {peer.PersistentKeepalive}");
        }
    }
}
