using Addresses;
using Relay.Protocol;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Shards;

/// <summary>What a connection of a shard is at present.</summary>
internal enum ShardConnectionState
{
    /// <summary>TLS is being opened.</summary>
    Handshake,

    /// <summary>Its plaintext is <see cref="ClientConnection"/>'s.</summary>
    Client,

    /// <summary>Its plaintext is the web server's.</summary>
    Web,

    /// <summary>It has ended.</summary>
    Closed,
}

/// <summary>One accepted connection and what belongs to it. Only its shard's thread touches it, but for what says otherwise.</summary>
internal sealed class ShardConnection : TimerEntry, IPacketOutlet, IConnectionShell
{
    private int _isInInbox;

    public ShardConnection(ShardEndpoint endpoint, Shard shard, int socket, TransportAddress remote, ConnectionLease lease, Instant now)
    {
        Endpoint = endpoint;
        Shard = shard;
        Engine = shard.EngineOf(endpoint);
        Socket = socket;
        Remote = remote;
        Lease = lease;
        OpenedAt = now;
        if (endpoint.Services.Identity.TrustedProxies.Contains(remote)) ProxyHeader = [];
        Client = new ClientConnection(endpoint.Services.Identity, endpoint.Services.Router, now) { Remote = remote, Outlet = this, Shell = this };
    }

    public ShardEndpoint Endpoint { get; }

    public Shard Shard { get; }

    public IEngine Engine { get; }

    public ClientConnection Client { get; }

    public TransportAddress Remote { get; }

    /// <summary>Its place among all that are accepted.</summary>
    public ConnectionLease Lease { get; }

    /// <summary>The end of its pause of reading, where it has had one.</summary>
    public ReadingPause? Pause { get; set; }

    /// <summary>As much of a PROXY header as has come; null = none is looked for (any more).</summary>
    public byte[]? ProxyHeader { get; set; }

    public Instant OpenedAt { get; }

    public ShardConnectionState State { get; set; }

    /// <summary>The socket's descriptor; it is the connection's to close.</summary>
    public int Socket { get; }

    /// <summary>Its place among the shard's connections.</summary>
    public int Token { get; set; }

    /// <summary>What epoll watches for.</summary>
    public int Interest { get; set; } = LibC.EpollIn;

    /// <summary>The TLS engine's object; 0 = none.</summary>
    public nint Ssl { get; set; }

    /// <summary>The bytes of a frame whose rest has not come; rented, and only then.</summary>
    public byte[]? Held { get; set; }

    public int HeldLength { get; set; }

    /// <summary>Sealed bytes that the socket refused; rented, and only then. Meanwhile everything else waits in the queue.</summary>
    public byte[]? Unsent { get; set; }

    public int UnsentStart { get; set; }

    public int UnsentEnd { get; set; }

    /// <summary>Since when the socket has refused them.</summary>
    public Instant BlockedSince { get; set; }

    public bool IsBlocked => Unsent is not null;

    /// <summary>Says that its socket has refused something, and its queue has not been empty since.</summary>
    public bool IsSlow { get; set; }

    /// <summary>Says that it stands in the shard's list of those with something to send.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Says that its client has logged in, and that this was seen to.</summary>
    public bool IsKnown { get; set; }

    /// <summary>Says that it waits for its turn of handshaking.</summary>
    public bool IsInHandshakeLine { get; set; }

    /// <summary>The first and last of its runs of this round; -1 = none.</summary>
    public int FirstRun { get; set; } = -1;

    public int LastRun { get; set; } = -1;

    /// <summary>The web server's end of it, where it has one.</summary>
    public WebBridge? Web { get; set; }

    /// <summary>Says that the connection ends once what the web server has written is sent.</summary>
    public bool IsEnding { get; set; }

    /// <summary>The next in the shard's inbox; the inbox's own.</summary>
    public ShardConnection? NextInInbox { get; set; }

    public void Deliver(ClientConnection receiver, Span<byte> frame, PacketKind kind) => Shard.Deliver(receiver, frame, kind);

    /// <summary>Has the shard look for something to send; from any thread.</summary>
    public void Wake()
    {
        if (Shard.IsCurrentThread) Shard.MarkDirty(this);
        else Shard.Wake(this);
    }

    /// <summary>Has the shard end the connection; from any thread.</summary>
    public void End(CloseReason reason) => Shard.Post(() => Shard.Close(this, reason));

    /// <summary>Says that it is going into the inbox; false where it is in already. From any thread.</summary>
    public bool TryEnterInbox() => Volatile.Read(ref _isInInbox) == 0 && Interlocked.Exchange(ref _isInInbox, 1) == 0;

    /// <summary>It has been taken out: what is put into its queue from now on wants another wake-up.</summary>
    public void LeaveInbox() => Interlocked.Exchange(ref _isInInbox, 0);
}

/// <summary>The instant at which a connection is read from again: its client has sent more than it may.</summary>
internal sealed class ReadingPause(ShardConnection connection) : TimerEntry
{
    public ShardConnection Connection => connection;
}
