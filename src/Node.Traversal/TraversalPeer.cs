using System.Net.Sockets;
using System.Threading.Channels;
using Addresses;
using Datagrams;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Io;
using Relay.Protocol;
using Timing;

namespace Node.Traversal;

/// <summary>
/// A peer as the embedder sees it: datagrams go in and come out, by the best way there is at each moment. Datagrams may be lost, doubled
/// or overtaken, as with UDP; they are not sealed here, so they must be sealed already (WireGuard's are).
/// </summary>
public sealed class TraversalPeer
{
    /// <summary>Datagrams that wait for <see cref="ReceiveAsync"/>; the oldest makes room.</summary>
    private const int MaxWaiting = 256;

    private readonly DataPlane _plane;
    private readonly IPeerDatagramSink? _sink;
    private readonly Channel<byte[]>? _received;
    private readonly HoldQueue _held = new();
    private readonly Lock _holding = new();
    private volatile SelectedPath _path = SelectedPath.None;
    private long _rxBytes;
    private long _txBytes;

    internal TraversalPeer(TraversalPeerOptions options, DataPlane plane)
    {
        Options = options;
        _plane = plane;
        _sink = options.Sink;
        if (_sink is not null) return;
        _received = Channel.CreateBounded<byte[]>(
            new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest },
            _ => plane.Counters.Count(TraversalDrop.NotReceived));
    }

    /// <summary>The peer's name.</summary>
    public NodeKey PublicKey => Options.PublicKey;

    /// <summary>How packets to it travel now.</summary>
    public PathKind Path => _path.Kind;

    internal TraversalPeerOptions Options { get; }

    internal TransportAddress Remote => _path.Remote;

    internal int? Mtu => _path.Mtu;

    internal PathTraffic Traffic { get; } = new();

    internal long RxBytes => Volatile.Read(ref _rxBytes);

    internal long TxBytes => Volatile.Read(ref _txBytes);

    /// <summary>Sends one datagram. From any thread; never waits.</summary>
    /// <param name="datagram">0 to 65,535 bytes; what a path cannot carry whole is sent in fragments or by relay, and a longer one is dropped and counted. Its first bytes must not look like STUN or disco: WireGuard's never do.</param>
    public void Send(ReadOnlySpan<byte> datagram)
    {
        SelectedPath path = Begin(datagram.Length, out Instant now);
        if (path.Kind == PathKind.None)
        {
            Hold(datagram, path, now);
            return;
        }

        bool goesByRelay = path.Kind == PathKind.Relay || Traffic.CopiesByRelay(path, 1, now) > 0;
        bool isRefused = false;
        if (path.Kind == PathKind.Direct)
        {
            if (datagram.Length > path.LongestWhole) _plane.Counters.CountLongerThanMtu();
            SocketError error = _plane.Sockets.Send(path.Socket, path.Remote, datagram);
            if (error == SocketError.Success) Traffic.CountSentDirect(1);
            isRefused = error != SocketError.Success && HandleRefusal(path, error, datagram, now);
        }

        bool isQueued = (goesByRelay || isRefused) && _plane.QueueByRelay(path.RegionId, PublicKey, datagram, now);
        if (isQueued) _plane.FlushRelay(path.RegionId);
        else if (isRefused) _plane.Counters.Count(TraversalDrop.SendFailed);
        if (goesByRelay && Traffic.MustHold(path, isQueued, now)) Hold(datagram, path, now);
    }

    /// <summary>Sends a batch with as few system calls as can be. From any thread, each with a batch of its own; never waits, allocates nothing on a direct path.</summary>
    /// <param name="batch">The datagrams; their addresses are overwritten.</param>
    public void SendBatch(DatagramBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int bytes = 0;
        for (int i = 0; i < batch.Count; i++) bytes += batch[i].Length;
        SelectedPath path = Begin(bytes, out Instant now);
        switch (path.Kind)
        {
            case PathKind.Direct:
                SendByRelay(path, batch, 0, Traffic.CopiesByRelay(path, batch.Count, now), now, isCopy: true);
                SendDirect(path, batch, now);
                break;
            case PathKind.Relay:
                SendByRelay(path, batch, 0, batch.Count, now);
                break;
            default:
                for (int i = 0; i < batch.Count; i++) Hold(batch[i], path, now);
                break;
        }
    }

    /// <summary>Takes the next datagram the peer has sent. Only without a sink.</summary>
    /// <exception cref="InvalidOperationException">The peer was added with a sink.</exception>
    /// <exception cref="ChannelClosedException">The peer was removed, or the node has ended.</exception>
    public ValueTask<byte[]> ReceiveAsync(CancellationToken cancellation = default) =>
        _received is null ? throw new InvalidOperationException("What this peer sends goes to its sink.") : _received.Reader.ReadAsync(cancellation);

    /// <summary>Other addresses lead to this peer through the tunnel from now on. All that was found of it stays, but for a path that would lie in there.</summary>
    /// <param name="ranges">As <see cref="TraversalPeerOptions.AllowedAddresses"/>.</param>
    public void SetAllowedAddresses(IReadOnlyList<IpPrefix> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        _plane.TellTunnelRanges(PublicKey, ranges);
    }

    internal void SetPath(SelectedPath path)
    {
        _path = path;
        SendHeld();
    }

    /// <summary>Sends what is held, now that there is a way; copies stay until the peer is known to be at its end.</summary>
    internal void SendHeld()
    {
        Instant now = _plane.Clock.Now;
        SelectedPath path = _path;
        if (path.Kind == PathKind.None) return;
        lock (_holding)
        {
            if (_held.IsEmpty) return;
            int dropped = _held.DropOld(now);
            if (dropped > 0) _plane.Counters.Count(TraversalDrop.HeldTooLong, dropped);
            if (path.Kind == PathKind.Relay && !_plane.IsConnected(path.RegionId)) return;

            bool goesByRelay = path.Kind == PathKind.Relay || path.IsSuspect;
            foreach (byte[] packet in _held.Packets)
            {
                if (path.Kind == PathKind.Direct) _plane.Sockets.Send(path.Socket, path.Remote, packet);
                if (goesByRelay) _plane.QueueByRelay(path.RegionId, PublicKey, packet, now);
            }

            if (!path.IsUnproven) _held.Clear();
            if (goesByRelay) _plane.FlushRelay(path.RegionId);
        }
    }

    internal void DeliverDirect(ReadOnlySpan<byte> datagram, Instant now)
    {
        if (Traffic.NoteReceivedDirect(now)) _plane.TellTraffic(PublicKey);
        Deliver(datagram);
    }

    internal void DeliverByRelay(ReadOnlySpan<byte> datagram, Instant now)
    {
        if (Traffic.NoteReceivedByRelay(now, _path.Kind == PathKind.Direct)) _plane.TellTraffic(PublicKey);
        Deliver(datagram);
    }

    internal void FlushReceived() => _sink?.Flush();

    internal void Close() => _received?.Writer.TryComplete();

    private SelectedPath Begin(int bytes, out Instant now)
    {
        now = _plane.Clock.Now;
        Interlocked.Add(ref _txBytes, bytes);
        if (Traffic.NoteSent(now)) _plane.TellTraffic(PublicKey);
        return _path;
    }

    private void Deliver(ReadOnlySpan<byte> datagram)
    {
        Interlocked.Add(ref _rxBytes, datagram.Length);
        if (_sink is not null) _sink.Deliver(datagram);
        else _received!.Writer.TryWrite(datagram.ToArray());
    }

    private void SendDirect(SelectedPath path, DatagramBatch batch, Instant now)
    {
        int longestWhole = path.LongestWhole;
        for (int i = 0; i < batch.Count; i++)
        {
            batch.SetAddress(i, path.Remote);
            if (batch[i].Length > longestWhole) _plane.Counters.CountLongerThanMtu();
        }

        int first = 0;
        while (first < batch.Count)
        {
            int sent = _plane.Sockets.Send(path.Socket, batch, first, out SocketError error);
            Traffic.CountSentDirect(sent);
            first += sent;
            if (first == batch.Count) return;

            // One that does not go must not hold up those behind it.
            if (HandleRefusal(path, error, batch[first], now)) SendByRelay(path, batch, first, first + 1, now);
            first++;
        }
    }

    /// <summary>Says what is to become of a datagram that the system refuses: true = by relay.</summary>
    private bool HandleRefusal(SelectedPath path, SocketError error, ReadOnlySpan<byte> datagram, Instant now)
    {
        switch (error)
        {
            case SocketError.MessageSize:
                _plane.Counters.CountTooLongForPath();
                return true;
            case SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable:
                _plane.Counters.Count(TraversalDrop.SendFailed); // The link is full: by relay it would be fuller.
                return false;
            default:
                _plane.TellSendFailed(PublicKey, path.Remote);
                Hold(datagram, path, now); // The relay may be as unreachable, and is not known to be.
                return true;
        }
    }

    private void SendByRelay(SelectedPath path, DatagramBatch batch, int first, int end, Instant now, bool isCopy = false)
    {
        bool isQueued = false;
        for (int i = first; i < end; i++)
        {
            bool isTaken = _plane.QueueByRelay(path.RegionId, PublicKey, batch[i], now);
            isQueued |= isTaken;
            if (Traffic.MustHold(path, isTaken, now)) Hold(batch[i], path, now);
            else if (!isTaken && !isCopy) _plane.Counters.Count(TraversalDrop.SendFailed);
        }

        if (isQueued) _plane.FlushRelay(path.RegionId);
    }

    /// <summary>Holds a copy of a datagram for the moment in which the way it was to take becomes better.</summary>
    private void Hold(ReadOnlySpan<byte> datagram, SelectedPath path, Instant now)
    {
        lock (_holding)
        {
            int dropped = _held.Add(datagram, now);
            if (dropped > 0) _plane.Counters.Count(TraversalDrop.HeldTooLong, dropped);
        }

        if (!ReferenceEquals(_path, path)) SendHeld(); // A way was found between the two: nobody else would send it.
    }
}
