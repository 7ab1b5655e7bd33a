using System.Net;
using System.Net.Sockets;

namespace Datagrams.Portable;

/// <summary>Waits with select, for platforms without epoll; a datagram to a socket of its own is what wakes it. Allocates on each wait.</summary>
internal sealed class SelectSet : IReadinessSet
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Socket, int> _tokens = [];
    private readonly Socket _wake;
    private int _turn;

    public SelectSet()
    {
        _wake = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _wake.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _wake.Connect(_wake.LocalEndPoint ?? throw new InvalidOperationException("A bound socket has an address."));
        _wake.Blocking = false;
    }

    public void Add(Socket socket, int token)
    {
        lock (_lock)
        {
            if (!_tokens.TryAdd(socket, token)) throw new InvalidOperationException("The poller watches this socket already.");
        }

        Wake(); // The present wait does not know of it.
    }

    public void Remove(Socket socket)
    {
        lock (_lock) _tokens.Remove(socket);
    }

    public int Wait(Span<int> readyTokens, int timeoutMilliseconds)
    {
        List<Socket> watched = Watched();
        var failed = new List<Socket>(watched); // A connected socket with an error to report is ready too, and not always readable.
        try
        {
            Socket.Select(watched, null, failed, timeoutMilliseconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(timeoutMilliseconds));
        }
        catch (Exception exception) when (exception is ObjectDisposedException or SocketException)
        {
            return 0; // A socket was closed while it was watched: the next wait goes without it.
        }

        Socket[] found = [.. watched.Union(failed)];
        int ready = 0;
        lock (_lock)
        {
            // Begin with another one each time, so that where there is no room for all, each has its turn.
            for (int i = 0; i < found.Length; i++)
            {
                Socket socket = found[(i + _turn) % found.Length];
                if (socket == _wake) ResetWake();
                else if (ready < readyTokens.Length && _tokens.TryGetValue(socket, out int token)) readyTokens[ready++] = token;
            }
        }

        _turn = (_turn + 1) & int.MaxValue;
        return ready;
    }

    public void Wake()
    {
        try
        {
            _wake.Send([1], SocketFlags.None, out _); // What does not fit its buffer is not needed: a wake-up is pending.
        }
        catch (ObjectDisposedException)
        {
            return; // Nobody waits any more.
        }
    }

    public void Dispose() => _wake.Dispose();

    private List<Socket> Watched()
    {
        lock (_lock)
        {
            var watched = new List<Socket>(_tokens.Count + 1) { _wake };
            foreach (Socket socket in _tokens.Keys)
            {
                if (socket.SafeHandle.IsClosed) _tokens.Remove(socket);
                else watched.Add(socket);
            }

            return watched;
        }
    }

    private void ResetWake()
    {
        Span<byte> one = stackalloc byte[1];
        do _wake.Receive(one, SocketFlags.None, out _);
        while (_wake.Available > 0);
    }
}
