using System.Net.Sockets;

namespace Node.Traversal.Io;

/// <summary>Marks sockets of the base library, so that policy routing keeps their packets out of the tunnel.</summary>
internal static class MarkedSockets
{
    private const int SolSocket = 1; // Linux.
    private const int SoMark = 36;
    private const int TcpUserTimeout = 18;

    /// <summary>How long sent bytes may stay unacknowledged before the connection is given up: a relay that has vanished is noticed within this.</summary>
    private const int UserTimeoutMilliseconds = 10_000;

    /// <summary>Makes a TCP socket as relays want it.</summary>
    /// <exception cref="SocketException">The mark is not permitted.</exception>
    public static Socket Tcp(AddressFamily family, uint mark)
    {
        Socket socket = new(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (OperatingSystem.IsLinux()) socket.SetRawSocketOption((int)ProtocolType.Tcp, TcpUserTimeout, BitConverter.GetBytes(UserTimeoutMilliseconds));
        try
        {
            Mark(socket, mark);
            return socket;
        }
        catch
        {
            socket.Dispose(); // It is tried again and again.
            throw;
        }
    }

    /// <summary>Sets the mark of a socket, where there is such a thing.</summary>
    public static void Mark(Socket socket, uint mark)
    {
        if (OperatingSystem.IsLinux() && mark != 0) socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(mark));
    }
}
