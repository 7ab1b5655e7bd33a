using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>What a relay is to its clients.</summary>
internal sealed class RelayIdentity(NodeKeyPair keys, EntropySource entropy)
{
    private UpgradeRefusal? _refusal;
    private MeshSecret? _meshSecret;

    /// <summary>The relay's keys: the public one greets every client.</summary>
    public NodeKeyPair Keys => keys;

    /// <summary>Where nonces and jitter come from.</summary>
    public EntropySource Entropy => entropy;

    /// <summary>The path of the HTTP upgrade.</summary>
    public string UpgradePath { get; init; } = "/derp";

    /// <summary>Says that anybody may come in, so that nobody need be asked about a login.</summary>
    public bool IsOpenToAll { get; init; }

    /// <summary>Looks at tokens; null where they let nobody in, and are not looked at.</summary>
    public TokenCheck? CheckToken { get; init; }

    /// <summary>Says that a login without a good token cannot succeed, so that a bad one is refused before the upgrade.</summary>
    public bool AreTokensRequired { get; init; }

    /// <summary>Whom we believe about whose connection it is.</summary>
    public TrustedProxies TrustedProxies { get; init; } = TrustedProxies.None;

    /// <summary>What the relays of the region know each other by; null = there are no others. Any thread may set it.</summary>
    public MeshSecret? MeshSecret
    {
        get => Volatile.Read(ref _meshSecret);
        set => Volatile.Write(ref _meshSecret, value);
    }

    /// <summary>The tenant whose clients the links of the region serve; empty = those who have none. A link sees and reaches nobody else's.</summary>
    public string MeshTenant { get; init; } = "";

    /// <summary>What every upgrade is answered from now on, before its client has said who it is: null = the upgrade. Any thread may set it.</summary>
    public UpgradeRefusal? Refusal
    {
        get => Volatile.Read(ref _refusal);
        set => Volatile.Write(ref _refusal, value);
    }

    /// <summary>A random share of <paramref name="span"/>.</summary>
    public TimeSpan RandomUpTo(TimeSpan span)
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        entropy(random);
        return span * (BitConverter.ToUInt32(random) / (double)uint.MaxValue);
    }
}

/// <summary>A refusal that can be told before the upgrade.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Phrase">Its phrase.</param>
/// <param name="Text">Why, in a sentence.</param>
internal sealed record UpgradeRefusal(int Status, string Phrase, string Text);
