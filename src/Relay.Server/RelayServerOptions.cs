using Addresses;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Hosting;

namespace Relay.Server;

/// <summary>What a relay server is started with.</summary>
internal sealed record RelayServerOptions
{
    /// <summary>3340: the port of a development relay, as the field has it.</summary>
    public const int DevelopmentPort = 3340;

    /// <summary>3341: next to it, the admin pages.</summary>
    public const int DevelopmentAdminPort = 3341;

    /// <summary>Web requests under way at once, on all ports together; one more is cut off.</summary>
    public const int MaxWebConnections = 4096;

    /// <summary>Clients by WebSocket at once.</summary>
    public const int MaxWebSockets = 50_000;

    /// <summary>100 µs: the packets of one client at 10,000 a second are as far apart.</summary>
    public static readonly TimeSpan DefaultGathering = TimeSpan.FromMicroseconds(100);

    /// <summary>The longest gathering that may be asked for: it is time that packets wait.</summary>
    public const int MaxGatheringMicroseconds = 1000;

    /// <summary>Where TLS clients are accepted.</summary>
    public required IReadOnlyList<TransportAddress> Listen { get; init; }

    /// <summary>Where clients are accepted without TLS: behind something that has opened it already, or in tests.</summary>
    public IReadOnlyList<TransportAddress> ListenPlain { get; init; } = [];

    /// <summary>Where STUN answers; empty = nowhere.</summary>
    public IReadOnlyList<TransportAddress> Stun { get; init; } = [];

    /// <summary>Whether STUN also answers from the port behind each of <see cref="Stun"/>, where it is free.</summary>
    public bool StunDiscovery { get; init; } = true;

    /// <summary>Where the admin pages are.</summary>
    public required TransportAddress Admin { get; init; }

    /// <summary>What the admin pages ask for; null = nothing, on loopback only.</summary>
    public AdminSecret? AdminSecret { get; init; }

    /// <summary>The relay's keys.</summary>
    public required NodeKeyPair Keys { get; init; }

    /// <summary>A PEM file with the certificate and its chain; null = self-signed, in memory.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>A PEM file with the certificate's key.</summary>
    public string? CertificateKeyPath { get; init; }

    /// <summary>Says that the certificate is made at each start and kept nowhere.</summary>
    public bool IsCertificateInMemory { get; init; }

    /// <summary>What stands in front of the relay and beside it.</summary>
    public FrontOptions Front { get; init; } = new();

    /// <summary>Who may use the relay.</summary>
    public required AdmissionOptions Admission { get; init; }

    /// <summary>Says that the operator has said in so many words that anybody may.</summary>
    public bool IsOpennessSaid { get; init; }

    /// <summary>Threads that carry packets, one a core by default; 0 = connections are carried by the base library's streams.</summary>
    public int Shards { get; init; } = Environment.ProcessorCount;

    /// <summary>How long a shard may wait for more packets before it reads, while that brings packets together; zero = never.</summary>
    public TimeSpan LongestGathering { get; init; } = DefaultGathering;


    /// <summary>What clients may use.</summary>
    public ServerLimits Limits { get; init; } = new();

    /// <summary>Bytes of packets that may wait for all clients together.</summary>
    public long QueueMemoryBytes { get; init; } = QueueMemory.DefaultMaxBytes;

    /// <summary>How the relay ends when it is asked to by a signal.</summary>
    public DrainPlan Drain { get; init; } = new(DrainPlan.SignalTimeout, IsForAll: false, MoveTarget.Another);
}
