using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>What a relay is to its clients.</summary>
internal sealed class RelayIdentity(NodeKeyPair keys, EntropySource entropy)
{
    /// <summary>The relay's keys: the public one greets every client.</summary>
    public NodeKeyPair Keys => keys;

    /// <summary>Where nonces and jitter come from.</summary>
    public EntropySource Entropy => entropy;

    /// <summary>The path of the HTTP upgrade.</summary>
    public string UpgradePath { get; init; } = "/derp";

    /// <summary>Says that anybody may come in, so that nobody need be asked about a login.</summary>
    public bool IsOpenToAll { get; init; }

    /// <summary>A random share of <paramref name="span"/>.</summary>
    public TimeSpan RandomUpTo(TimeSpan span)
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        entropy(random);
        return span * (BitConverter.ToUInt32(random) / (double)uint.MaxValue);
    }
}
