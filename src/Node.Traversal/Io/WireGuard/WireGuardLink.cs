using System.Net.Sockets;
using Addresses;
using Datagrams;
using Node.Traversal.Io.WireGuard;

namespace Node.Traversal;

/// <summary>
/// One peer as the local WireGuard sees it: a loopback address to which WireGuard sends and from which it receives. What the node
/// delivers for the peer goes to WireGuard in batches; what WireGuard sends goes to the peer.
/// </summary>
public sealed class WireGuardLink : IPeerDatagramSink
{
    private readonly DatagramSocket _socket;
    private readonly BatchPool _pool;
    private readonly WireGuardDropCounter _drops;
    private readonly Lock _gate = new(); // The thread that receives UDP and those of relays may deliver at once.
    private readonly HandshakeCopies _handshakes = new();
    private readonly HandshakeCrossing _crossing = new();
    private DatagramBatch? _pending;
    private bool _isConnected;
    private volatile Action<DatagramBatch>? _send;

    internal WireGuardLink(TransportAddress address, int token, DatagramSocketOptions options, BatchPool pool, WireGuardDropCounter drops)
    {
        _socket = DatagramSocket.Bind(address, options);
        _pool = pool;
        _drops = drops;
        Token = token;
        Address = _socket.LocalAddress;
    }

    /// <summary>The loopback address and port: WireGuard's endpoint for this peer.</summary>
    public TransportAddress Address { get; }

    /// <summary>
    /// Says which initiation stands where both ends greet each other at the same moment: WireGuard itself would take the other's at either end
    /// and wait five seconds. Set it at one end of a pair only: the one with the higher public key.
    /// </summary>
    public bool WinsCrossing
    {
        get => _crossing.IsWinner;
        set => _crossing.IsWinner = value;
    }

    internal int Token { get; }

    /// <summary>Says where what WireGuard sends goes from now on; null for nowhere.</summary>
    /// <param name="send">Takes a batch, which is valid only during the call: <c>TraversalPeer.SendBatch</c>.</param>
    public void SendTo(Action<DatagramBatch>? send) => _send = send;

    /// <inheritdoc/>
    public void Deliver(ReadOnlySpan<byte> datagram)
    {
        lock (_gate)
        {
            if (!_isConnected)
            {
                _drops.Closed(1);
                return;
            }

            if (_handshakes.IsCopy(datagram) || _crossing.IsLoser(datagram, Environment.TickCount64))
            {
                _drops.Copied();
                return;
            }

            DatagramBatch batch = _pending ??= _pool.Rent();
            if (batch.TryAdd(datagram, default)) return;
            if (datagram.Length > batch.MaxDatagramLength)
            {
                _drops.TooLong();
                return;
            }

            SendToWireGuard(batch);
            batch.Clear();
            batch.TryAdd(datagram, default);
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        lock (_gate)
        {
            if (_pending is not { } batch) return;
            _pending = null;
            SendToWireGuard(batch);
            _pool.Return(batch);
        }
    }

    /// <summary>Hands on what WireGuard has sent: one batch, so that one busy peer does not hold up the others.</summary>
    internal void ReceiveFromWireGuard(DatagramBatch batch)
    {
        int count = _socket.Receive(batch, out SocketError error);
        if (error == SocketError.ConnectionRefused) _drops.Refused(1);
        else if (error != SocketError.Success) _drops.Failed(1);
        if (count == 0) return;

        DropTruncated(batch);
        long now = Environment.TickCount64;
        for (int i = 0; i < batch.Count; i++) _crossing.NoteSent(batch[i], now);
        if (_send is { } send) send(batch);
        else _drops.Closed(count);
    }

    /// <summary>Connects to WireGuard's port, or to another one than before.</summary>
    internal void Connect(TransportAddress wireGuard, DatagramPoller poller)
    {
        lock (_gate)
        {
            _socket.Connect(wireGuard);
            if (!_isConnected) poller.Add(_socket, Token); // Not before: an unconnected socket takes packets from anybody.
            _isConnected = true;
        }
    }

    internal void SetFirewallMark(uint mark) => _socket.SetFirewallMark(mark);

    internal void Close(DatagramPoller poller)
    {
        lock (_gate)
        {
            _isConnected = false;
            _send = null;
            if (_pending is { } batch) _pool.Return(batch);
            _pending = null;
            poller.Remove(_socket);
            _socket.Dispose();
        }
    }

    private void DropTruncated(DatagramBatch batch)
    {
        int kept = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            if (batch.IsTruncated(i)) _drops.TooLong();
            else batch.Move(i, kept++);
        }

        batch.Trim(kept);
    }

    private void SendToWireGuard(DatagramBatch batch)
    {
        int first = 0;
        bool mayBeOld = true;
        while (first < batch.Count)
        {
            first += _socket.Send(batch, first, out SocketError error);
            if (first == batch.Count) return;

            if (error == SocketError.ConnectionRefused && mayBeOld)
            {
                // The socket tells of a packet that went before: this one has not been tried yet.
                _drops.Refused(1);
                mayBeOld = false;
                continue;
            }

            if (error == SocketError.ConnectionRefused) _drops.Refused(batch.Count - first);
            else _drops.Failed(batch.Count - first);
            return;
        }
    }
}
