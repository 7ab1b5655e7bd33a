using Node.Traversal.Core;

namespace Simulation;

/// <summary>The UDP sockets of a simulated node: which core's name stands for which port of the host.</summary>
internal sealed class SimSockets(Random random)
{
    /// <summary>The ports that a host gives where none is asked for.</summary>
    private const int LowestFree = 32768, FirstReserved = 50000;

    private readonly Dictionary<SocketId, ushort> _ports = [];
    private readonly Dictionary<(bool IsIpv4, ushort Port), SocketId> _sockets = [];

    /// <summary>How many are open.</summary>
    public int Count => _ports.Count;

    /// <summary>The most there were at once.</summary>
    public int Most { get; private set; }

    public void Open(SocketId socket, bool isIpv4, ushort port)
    {
        _ports[socket] = port;
        _sockets[(isIpv4, port)] = socket;
        Most = Math.Max(Most, _ports.Count);
    }

    /// <summary>Opens one for IPv4, at a port of the host's choice.</summary>
    public void OpenAnywhere(SocketId socket)
    {
        ushort port;
        do port = (ushort)random.Next(LowestFree, FirstReserved);
        while (_sockets.ContainsKey((true, port)));
        Open(socket, isIpv4: true, port);
    }

    /// <summary>Closes one that was opened anywhere.</summary>
    public void Close(SocketId socket)
    {
        if (_ports.Remove(socket, out ushort port)) _sockets.Remove((true, port));
    }

    public void CloseAll()
    {
        _ports.Clear();
        _sockets.Clear();
    }

    public bool TryFind(bool isIpv4, ushort port, out SocketId socket) => _sockets.TryGetValue((isIpv4, port), out socket);

    public bool TryFindPort(SocketId socket, out ushort port) => _ports.TryGetValue(socket, out port);
}
