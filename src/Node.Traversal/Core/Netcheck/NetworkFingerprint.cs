using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Addresses;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Names the network that the machine is in, so that what was learnt of it (NAT, latencies) can be kept and found again: a hash of the
/// gateway, its link-layer address where that is known, and our prefix there. Gateways of one make all have the same address; their
/// link-layer addresses differ.
/// </summary>
/// <param name="Text">32 hexadecimal digits; empty = no network, or none that can be told from others.</param>
internal readonly record struct NetworkFingerprint(string Text)
{
    private const int HashLength = 16;

    /// <summary>No network, or none that can be told from others.</summary>
    public static readonly NetworkFingerprint None = new("");

    /// <summary>Says whether it names a network.</summary>
    public bool IsKnown => Text is { Length: > 0 };

    /// <summary>Makes the name.</summary>
    /// <param name="gateway">The default gateway; not valid = there is none.</param>
    /// <param name="linkAddress">Its link-layer address, in lower-case hexadecimal with colons; empty = not known.</param>
    /// <param name="prefix">The local prefix on its interface; null = not known.</param>
    public static NetworkFingerprint Of(TransportAddress gateway, string linkAddress, IpPrefix? prefix)
    {
        if (!gateway.IsValid) return None;
        string text = string.Create(CultureInfo.InvariantCulture, $"network 1\n{gateway.ToIPAddress()}\n{linkAddress}\n{prefix}");
        return new NetworkFingerprint(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)).AsSpan(0, HashLength)));
    }

    /// <inheritdoc/>
    public override string ToString() => IsKnown ? Text : "unknown";
}
