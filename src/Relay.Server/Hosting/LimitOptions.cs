using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Settings;

namespace Relay.Server.Hosting;

/// <summary>The options that bound what clients may use, and what they mean as <see cref="ServerLimits"/>.</summary>
internal sealed class LimitOptions
{
    private const int MostConnections = 1_000_000;
    private const int MostPerSecond = 1_000_000;
    private const int LeastBytesPerSecond = 1024;
    private const int MostMebibytes = 1 << 20;
    private const string Off = "off";

    private static readonly ServerLimits Defaults = new();

    private readonly OptionKey _maxConnections;
    private readonly OptionKey _maxConnectionsPerPrefix;
    private readonly OptionKey _maxConnectionsPerKey;
    private readonly OptionKey _maxHandshakes;
    private readonly OptionKey _maxHandshakesPerPrefix;
    private readonly OptionKey _handshakeTimeout;
    private readonly OptionKey _maxHeadBytes;
    private readonly OptionKey _acceptRate;
    private readonly OptionKey _clientRate;
    private readonly OptionKey _clientBurst;
    private readonly OptionKey _clientFrames;
    private readonly OptionKey _tenantRate;
    private readonly OptionKey _tenantBurst;
    private readonly OptionKey _tenantFrames;
    private readonly OptionKey _memory;

    /// <summary>Adds them to a program's options.</summary>
    public LimitOptions(OptionSet options)
    {
        _maxConnections = options.AddText("max-connections", "NUMBER", "Connections in all. No more than the process may have descriptors.", $"{Defaults.MaxConnections}");
        _maxConnectionsPerPrefix = options.AddText("max-connections-per-prefix", "NUMBER", "Connections of one IPv4 /24 or IPv6 /56; loopback is exempt.", $"{Defaults.MaxConnectionsPerPrefix}");
        _maxConnectionsPerKey = options.AddText("max-connections-per-key", "NUMBER", "Connections of one key; the one silent longest makes room.", $"{Defaults.MaxConnectionsPerKey}");
        _maxHandshakes = options.AddText("max-handshakes", "NUMBER", "Connections that have not logged in, in all.", $"{Defaults.MaxHandshakes}");
        _maxHandshakesPerPrefix = options.AddText("max-handshakes-per-prefix", "NUMBER", "Connections of one prefix that have not logged in; loopback is exempt.", $"{Defaults.MaxHandshakesPerPrefix}");
        _handshakeTimeout = options.AddText("handshake-timeout", "SECONDS", "How long TLS with the head of the request may take, and then the login.", $"{Defaults.HandshakeTimeout.TotalSeconds:0}");
        _maxHeadBytes = options.AddText("max-head-bytes", "BYTES", "The longest head of a request.", $"{Defaults.MaxHeadBytes}");
        _acceptRate = options.AddText("accept-rate", $"NUMBER|{Off}", "Connections accepted a second, twice as many at once; those over it are refused.", $"{Defaults.Accepts.PerSecond}");
        _clientRate = options.AddText("client-rate", $"BYTES|{Off}", "Bytes a second that one client may send; over it, it is read from more slowly.", Off);
        _clientBurst = options.AddText("client-burst", "BYTES", $"Bytes that one client may send at once; at least {Rate.LeastBytesBurst}. By default one second's.");
        _clientFrames = options.AddText("client-frames", $"NUMBER|{Off}", "Frames a second that one client may send, as many at once.", Off);
        _tenantRate = options.AddText("tenant-rate", $"BYTES|{Off}", "Bytes a second that the clients of one tenant may send together.", Off);
        _tenantBurst = options.AddText("tenant-burst", "BYTES", $"Bytes that the clients of one tenant may send at once; at least {Rate.LeastBytesBurst}. By default one second's.");
        _tenantFrames = options.AddText("tenant-frames", $"NUMBER|{Off}", "Frames a second that the clients of one tenant may send together, as many at once.", Off);
        _memory = options.AddText("memory", "MIB", "Mebibytes of packets that may wait for all clients together. By default an eighth of the memory there is.");
    }

    /// <summary>Reads the limits.</summary>
    /// <exception cref="OptionException">A value cannot be used.</exception>
    public ServerLimits Read(ParsedOptions values)
    {
        int accepts = RateOf(values, _acceptRate, 1, MostPerSecond);
        int clientFrames = RateOf(values, _clientFrames, 1, int.MaxValue);
        int tenantFrames = RateOf(values, _tenantFrames, 1, int.MaxValue);
        return new ServerLimits
        {
            MaxConnections = Number(values, _maxConnections, 1, MostConnections),
            MaxConnectionsPerPrefix = Number(values, _maxConnectionsPerPrefix, 1, MostConnections),
            MaxConnectionsPerKey = Number(values, _maxConnectionsPerKey, 1, MostConnections),
            MaxHandshakes = Number(values, _maxHandshakes, 1, MostConnections),
            MaxHandshakesPerPrefix = Number(values, _maxHandshakesPerPrefix, 1, MostConnections),
            HandshakeTimeout = TimeSpan.FromSeconds(Number(values, _handshakeTimeout, 1, 120)),
            MaxHeadBytes = Number(values, _maxHeadBytes, 512, UpgradeRequest.MaxLength),
            Accepts = new Rate(accepts, 2 * (long)accepts),
            ClientBytes = BytesOf(values, _clientRate, _clientBurst),
            ClientFrames = new Rate(clientFrames, clientFrames),
            TenantBytes = BytesOf(values, _tenantRate, _tenantBurst),
            TenantFrames = new Rate(tenantFrames, tenantFrames),
        };
    }

    /// <summary>Reads the memory for packets that wait, in bytes.</summary>
    /// <param name="values">The options.</param>
    /// <param name="available">The memory of the machine or of the container, in bytes.</param>
    /// <exception cref="OptionException">The value cannot be used.</exception>
    public long ReadMemory(ParsedOptions values, long available)
    {
        const int LeastMebibytes = 4;
        return values.Number(_memory, LeastMebibytes, MostMebibytes) is { } mebibytes ? (long)mebibytes << 20 : Math.Max((long)LeastMebibytes << 20, available / 8);
    }

    private static Rate BytesOf(ParsedOptions values, OptionKey rateKey, OptionKey burstKey)
    {
        int rate = RateOf(values, rateKey, LeastBytesPerSecond, int.MaxValue);
        int? burst = values.Number(burstKey, (int)Rate.LeastBytesBurst, int.MaxValue);
        if (rate == 0 && burst is not null) throw new OptionException(values.SourceOf(burstKey), "a burst without a rate means nothing", $"give --{rateKey.Name} too");
        return rate == 0 ? default : new Rate(rate, burst ?? Math.Max(Rate.LeastBytesBurst, rate));
    }

    private static int RateOf(ParsedOptions values, OptionKey key, int least, int most) => values.Text(key) == Off ? 0 : Number(values, key, least, most);

    private static int Number(ParsedOptions values, OptionKey key, int least, int most) =>
        values.Number(key, least, most) ?? throw new System.Diagnostics.UnreachableException($"--{key.Name} has a default.");
}
