namespace Fuzz;

/// <summary>A codec under test: whatever bytes it is given, it must not throw, and what it makes of them must hold.</summary>
/// <param name="Name">The name on the command line, and of the directory with its corpus.</param>
/// <param name="Fuzz">Feeds the bytes to the codec; throws where something does not hold.</param>
public sealed record FuzzTarget(string Name, FuzzAction Fuzz)
{
    /// <summary>Every codec that is fuzzed.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("stun-message", StunMessageTarget.Fuzz),
        new("stun-responder", StunResponderTarget.Fuzz),
        new("stun-stream", StunStreamTarget.Fuzz),
        new("relay-upgrade", UpgradeRequestTarget.Fuzz),
        new("relay-proxy-header", ProxyHeaderTarget.Fuzz),
        new("relay-forwarded-for", ForwardedForTarget.Fuzz),
        new("relay-session", RelaySessionTarget.Fuzz),
        new("relay-frames", RelayFramesTarget.Fuzz),
        new("relay-mesh-link", MeshLinkTarget.Fuzz),
        new("relay-client-handshake", ClientHandshakeTarget.Fuzz),
        new("relay-hello", HelloTarget.Fuzz),
        new("node-candidates", CandidatesTarget.Fuzz),
        new("node-punching-plan", PunchingPlanTarget.Fuzz),
        new("relay-token", TokenTarget.Fuzz),
        new("port-map-pcp", PcpTarget.Fuzz),
        new("port-map-nat-pmp", NatPmpTarget.Fuzz),
        new("port-map-ssdp", SsdpTarget.Fuzz),
        new("port-map-upnp-description", UpnpDescriptionTarget.Fuzz),
        new("port-map-soap", SoapResponseTarget.Fuzz),
        new("http-response-head", HttpResponseHeadTarget.Fuzz),
        new("dns-answer", DnsAnswerTarget.Fuzz),
        new("netlink", NetlinkTarget.Fuzz),
        new("relay-map", RelayMapTarget.Fuzz),
    ];

    /// <summary>The committed inputs: what once went wrong, and what is likely to.</summary>
    public IEnumerable<string> CorpusFiles => Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "corpora", Name)).Order(StringComparer.Ordinal);
}

/// <summary>Takes one input.</summary>
public delegate void FuzzAction(ReadOnlySpan<byte> input);

/// <summary>What a codec made of an input does not hold.</summary>
public sealed class FuzzException(string what) : Exception(what)
{
    /// <summary>Throws where <paramref name="holds"/> is false.</summary>
    public static void Unless(bool holds, string what)
    {
        if (!holds) throw new FuzzException(what);
    }
}
