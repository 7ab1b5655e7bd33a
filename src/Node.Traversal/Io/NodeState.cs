using System.Text.Json;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Telemetry;
using Relay.Protocol;

namespace Node.Traversal.Io;

/// <summary>
/// What a node keeps over a restart, in a file of its own: when it last started, so that its greetings only ever grow newer; where its
/// peers are at home; what NAT stands before the networks it knows and how far away the regions are from there; and by which address each peer
/// was reached, so that a restart does not end a direct path.
/// </summary>
internal sealed class NodeState : IAsyncDisposable
{
    private static readonly TimeSpan WriteDelay = TimeSpan.FromSeconds(1);
    private const int MaxLength = 4 << 20;

    private readonly string? _path;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Dictionary<NodeKey, PeerState> _peers = [];
    private readonly KnownNetworks _networks = new();
    private readonly ITimer _timer;
    private bool _isDirty;

    /// <summary>Reads the file, if there is one that can be read, and notes this start in it.</summary>
    /// <param name="path">The file; null = nothing is kept.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Where it is said that the file cannot be read or written.</param>
    public NodeState(string? path, TimeProvider time, ILogger log)
    {
        _path = path;
        _time = time;
        _log = log;
        long last = Read();
        long now = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        StartedAt = Math.Max(now, last + 1); // Also where the clock was set back.
        _timer = time.CreateTimer(_ => Write(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _isDirty = true;
        Write();
    }

    /// <summary>Microseconds since 1970 at this start; later than at any start before.</summary>
    public long StartedAt { get; }

    /// <summary>What is known of a peer.</summary>
    public PeerState Find(NodeKey peer)
    {
        lock (_gate) return _peers.GetValueOrDefault(peer);
    }

    /// <summary>What is remembered of a network.</summary>
    public KnownNetwork FindNetwork(NetworkFingerprint network)
    {
        lock (_gate) return _networks.Find(network, _time.GetUtcNow());
    }

    /// <summary>The regions are so far away in that network.</summary>
    public void NoteLatencies(NetworkFingerprint network, IReadOnlyDictionary<int, TimeSpan> latencies)
    {
        lock (_gate)
        {
            _networks.Note(network, latencies);
            MarkDirty();
        }
    }

    /// <summary>That network's NAT for one family was found out to be so.</summary>
    public void NoteNat(NetworkFingerprint network, bool isIpv4, RememberedNat nat)
    {
        lock (_gate)
        {
            _networks.Note(network, isIpv4, nat, _time.GetUtcNow());
            MarkDirty();
        }
    }

    /// <summary>The peer is at home there.</summary>
    public void NoteHome(NodeKey peer, int regionId) => Note(peer, state => state with { HomeRegion = regionId });

    /// <summary>The peer is reached there. A link-local address is not kept: after a restart nothing says on which link it is meant.</summary>
    public void NoteAddress(NodeKey peer, TransportAddress address)
    {
        if (!address.IsIpv6LinkLocal) Note(peer, state => state with { Address = address });
    }

    /// <summary>Writes what has changed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        Write();
    }

    private void Note(NodeKey peer, Func<PeerState, PeerState> change)
    {
        lock (_gate)
        {
            PeerState before = _peers.GetValueOrDefault(peer);
            PeerState after = change(before);
            if (before == after) return;
            _peers[peer] = after;
            MarkDirty();
        }
    }

    private void MarkDirty()
    {
        if (!_isDirty) _timer.Change(WriteDelay, Timeout.InfiniteTimeSpan);
        _isDirty = true;
    }

    private long Read()
    {
        if (_path is null || !File.Exists(_path)) return 0;
        try
        {
            if (new FileInfo(_path).Length > MaxLength) throw new FormatException("it is too long");
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(_path));
            long startedAt = document.RootElement.GetProperty("startedAt").GetInt64();
            foreach (JsonProperty peer in document.RootElement.GetProperty("peers").EnumerateObject())
            {
                if (!NodeKey.TryParseBase64(peer.Name, out NodeKey key)) continue;
                bool hasAddress = TransportAddress.TryParse(peer.Value.GetProperty("address").GetString(), out TransportAddress address);
                _peers[key] = new PeerState(peer.Value.GetProperty("homeRegion").GetInt32(), hasAddress ? address : default);
            }

            if (document.RootElement.TryGetProperty("networks", out JsonElement networks)) _networks.Read(networks);
            return startedAt;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // Half written, or another program's: everything in it can be learnt again.
            TraversalLog.StateNotRead(_log, _path, exception.Message);
            return 0;
        }
    }

    private void Write()
    {
        if (_path is null) return;
        lock (_gate)
        {
            if (!_isDirty) return;
            _isDirty = false;
            try
            {
                string temporary = _path + ".new";
                FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                using (FileStream file = new(temporary, options)) WriteTo(file);
                File.Move(temporary, _path, overwrite: true); // Whole or not at all.
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                TraversalLog.StateNotKept(_log, _path, exception.Message);
            }
        }
    }

    private void WriteTo(Stream file)
    {
        using Utf8JsonWriter json = new(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteNumber("startedAt", StartedAt);
        json.WriteStartObject("peers");
        foreach ((NodeKey key, PeerState peer) in _peers)
        {
            json.WriteStartObject(key.ToBase64());
            json.WriteNumber("homeRegion", peer.HomeRegion);
            json.WriteString("address", peer.Address.IsValid ? peer.Address.ToString() : "");
            json.WriteEndObject();
        }

        json.WriteEndObject();
        _networks.Write(json);
        json.WriteEndObject();
    }
}

/// <summary>What is kept of one peer.</summary>
/// <param name="HomeRegion">Its home; 0 = unknown.</param>
/// <param name="Address">Where it was reached directly; not valid = nowhere.</param>
internal readonly record struct PeerState(int HomeRegion, TransportAddress Address);
