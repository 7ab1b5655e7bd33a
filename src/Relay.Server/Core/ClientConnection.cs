using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Timing;

namespace Relay.Server.Core;

/// <summary>Fills a span with random bytes: a core is handed its entropy like its time.</summary>
internal delegate void EntropySource(Span<byte> destination);

/// <summary>How far a connection has come.</summary>
internal enum ConnectionPhase
{
    /// <summary>The head of the HTTP request is awaited.</summary>
    Head,

    /// <summary>It is no relay client: its bytes are for the web server, from the first on.</summary>
    OtherHttp,

    /// <summary>The ClientInfo frame is awaited.</summary>
    Login,

    /// <summary>The client has proven its key; the answer to its <see cref="LoginRequest"/> is awaited, by <see cref="ClientConnection.Admit"/>.</summary>
    Admission,

    /// <summary>Frames flow.</summary>
    Open,

    /// <summary>The client was refused, and is told so and kept alive for a while: see <see cref="ClientConnection.Quarantine"/>.</summary>
    Quarantined,

    /// <summary>It has ended, for <see cref="ClientConnection.CloseReason"/>.</summary>
    Closed,
}

/// <summary>
/// One client of the relay: bytes in, bytes out. It reads the upgrade, the login and the frames, turns SendPacket into RecvPacket where it
/// lies, and leaves what is to be sent in queues. It knows no socket, no TLS and no thread; one caller at a time hands it input.
/// Its phases are in files of their own: Login, Admission, Quarantine, Frames, Routing, Mesh.
/// </summary>
internal sealed partial class ClientConnection
{
    /// <summary>How long one write to a client may take.</summary>
    public static readonly TimeSpan ClientWriteTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How long one write to another relay may take.</summary>
    public static readonly TimeSpan MeshWriteTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The longest input that can be needed at once to make progress: one ForwardPacket of full length.</summary>
    public const int MaxInputLength = ForwardPacketFrame.PrefixLength + RelayLimits.MaxPacketLength;

    // PeerGone (not here) answers disco only, and no more than this: it is a hint, and must be no tool to enumerate keys with.
    private const double NotHerePerSecond = 1;
    private const double NotHereBurst = 3;

    private readonly RelayIdentity _identity;
    private readonly PacketRouter _router;
    private readonly TimeSpan _keepAliveInterval;
    private TokenBucket _notHere;
    private Instant _deadline;
    private Instant _nextKeepAlive = Instant.Never;
    private byte[]? _greeting;
    private TokenGrant? _token;
    private LoginRequest? _loginRequest;
    private Box? _box; // What opened the ClientInfo, until it has sealed the answer.
    private ClientSet? _set;
    private NodeKey _lastDestination;
    private ClientSet? _lastSet;
    private long _skip;
    private bool _hasLeft;
    private int _packetsIn;
    private long _bytesIn;

    public ClientConnection(RelayIdentity identity, PacketRouter router, Instant now)
    {
        _identity = identity;
        _router = router;
        Queue = new SendQueue(router.Counters, router.QueueMemory) { Traffic = Traffic };
        _notHere = new TokenBucket(NotHerePerSecond, NotHereBurst, now);
        _tokenFrames = new TokenBucket(TokenFramesPerSecond, TokenFramesBurst, now);
        _deadline = now + router.Limits.HandshakeTimeout;
        _keepAliveInterval = RelayLimits.KeepAliveInterval + identity.RandomUpTo(RelayLimits.KeepAliveJitter);
    }

    public ConnectionPhase Phase { get; private set; }

    /// <summary>Why it was closed; only when <see cref="Phase"/> says so.</summary>
    public CloseReason CloseReason { get; private set; }

    /// <summary>What the client did wrong, for the log; null where it did nothing.</summary>
    public string? Complaint { get; private set; }

    /// <summary>The client's key; zero until the login.</summary>
    public NodeKey Key { get; private set; }

    /// <summary>Says whether the client has proven its key and was answered: it is kept alive from then on.</summary>
    public bool IsLoggedIn => Phase is ConnectionPhase.Open or ConnectionPhase.Quarantined;

    /// <summary>Says whether the client would rather be with another relay of the region.</summary>
    public bool IsNotIdeal { get; private set; }

    /// <summary>What the client said of itself; null until the login.</summary>
    public ClientInfo? Info { get; private set; }

    /// <summary>
    /// Where the client comes from; set by the shell before the first input, to what a PROXY header says where there was one. What a trusted
    /// proxy says in the head of the request takes its place.
    /// </summary>
    public TransportAddress Remote { get; set; }

    /// <summary>What let the client in, or refused it; null until the answer to its login.</summary>
    public AdmissionDecision? Admission { get; private set; }

    /// <summary>Says whether this relay is the client's home.</summary>
    public bool IsHome { get; private set; }

    /// <summary>Says whether it is the one of its key's connections that receives.</summary>
    public bool IsActive => _set?.Active == this;

    /// <summary>What has passed.</summary>
    public ClientTraffic Traffic { get; } = new();

    /// <summary>What is to be sent, once <see cref="TakeGreeting"/> has been.</summary>
    public SendQueue Queue { get; }

    /// <summary>Where the shell rents what it holds of the client's input.</summary>
    public QueueMemory Memory => _router.QueueMemory;

    /// <summary>Who reads and writes for the client; set by itself.</summary>
    public IConnectionShell? Shell { get; set; }

    /// <summary>Takes the packets this client sends, where the shell has something better to do with them than to queue each; set by the shell.</summary>
    public IPacketOutlet? Outlet { get; set; }

    /// <summary>How long one write may take. A client that takes nothing for this long costs nobody but itself; another relay may be busy for longer.</summary>
    public TimeSpan WriteTimeout => IsMeshPeer ? MeshWriteTimeout : ClientWriteTimeout;

    /// <summary>When <see cref="HandleTimeout"/> is due.</summary>
    public Instant NextTimeout => !IsLoggedIn ? _deadline : _nextKeepAlive < Expires ? _nextKeepAlive : Expires;

    /// <summary>When what has let the client in no longer does, or its quarantine is over.</summary>
    public Instant Expires => Phase == ConnectionPhase.Quarantined ? _quarantineEnds : Admission?.Expires ?? Instant.Never;

    /// <summary>Why it is closed at <see cref="Expires"/>.</summary>
    public CloseReason ExpiryReason => Phase == ConnectionPhase.Quarantined ? CloseReason.Refused : CloseReason.AdmissionEnded;

    /// <summary>The bytes that go out before all others: the HTTP answer (none in a fast start) and the ServerKey frame; null = none (any more). A refusal is here once it is closed.</summary>
    public byte[]? TakeGreeting()
    {
        byte[]? greeting = _greeting;
        _greeting = null;
        return greeting;
    }

    /// <summary>Takes what has arrived. Packets are rewritten where they lie, so <paramref name="input"/> is changed.</summary>
    /// <param name="input">All bytes that were not consumed before, and those that have come since.</param>
    /// <param name="now">The present.</param>
    /// <param name="woken">Takes the connections that have something to send now.</param>
    /// <returns>The bytes consumed from the front.</returns>
    public int Receive(Span<byte> input, Instant now, HashSet<ClientConnection> woken)
    {
        try
        {
            int consumed = 0;
            if (Phase == ConnectionPhase.Head) consumed = ReceiveHead(input, now, woken);
            if (Phase == ConnectionPhase.Login) consumed += ReceiveLogin(input[consumed..], now, woken);
            if (IsLoggedIn) consumed += ReceiveFrames(input[consumed..], now, woken);
            return consumed; // In the phase of admission nothing: what has come waits for the answer.
        }
        catch (RelayProtocolException exception)
        {
            Complaint = exception.Message;
            Close(CloseReason.ProtocolError, woken);
            return input.Length;
        }
        finally
        {
            CountIn();
            Charge(now);
        }
    }

    /// <summary>Ends a handshake that takes too long or an admission that has run out, and keeps an idle connection alive.</summary>
    public void HandleTimeout(Instant now, HashSet<ClientConnection> woken)
    {
        if (Phase == ConnectionPhase.Closed || now < NextTimeout) return;
        if (!IsLoggedIn)
        {
            Close(CloseReason.HandshakeTimeout, woken);
            return;
        }

        if (now >= Expires)
        {
            Close(ExpiryReason, woken);
            return;
        }

        Queue.EnqueueControl(KeepAliveFrame.Bytes);
        woken.Add(this);
        _nextKeepAlive = now + _keepAliveInterval;
    }

    /// <summary>
    /// The client says no more: it can no longer be reached, while the shell may still send what waits for it. <see cref="Close"/> is to follow.
    /// </summary>
    public void Leave(HashSet<ClientConnection> woken)
    {
        if (_set is null || _hasLeft) return;
        _hasLeft = true;
        _router.Remove(_set, this, woken);
    }

    /// <summary>Ends the connection: it can no longer be reached, and those it sent to hear of it. Only the first reason counts.</summary>
    public void Close(CloseReason reason, HashSet<ClientConnection> woken)
    {
        if (Phase == ConnectionPhase.Closed) return;
        if (Phase == ConnectionPhase.Quarantined) _router.Quarantine.Leave(this);
        Phase = ConnectionPhase.Closed;
        CloseReason = reason;
        _router.Counters.CountClose(reason);
        Queue.Close();
        Leave(woken);
    }
}
