using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NatLab.Tests;

/// <summary>A UDP socket in a namespace, for asking the network questions. Nothing here waits longer than <see cref="Patience"/>.</summary>
internal sealed class UdpProbe : IDisposable
{
    /// <summary>What is going to arrive in a lab arrives within a millisecond or two; what has not by then will not.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(300);

    private readonly Socket _socket;

    public UdpProbe(LabHost host, string address = "0.0.0.0", int port = 0)
    {
        _socket = host.Namespace.Enter(() =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), port));
            return socket;
        });
        _socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
    }

    public IPEndPoint Local => (IPEndPoint)_socket.LocalEndPoint!;

    public short Ttl { set => _socket.Ttl = value; }

    public void Send(string text, IPEndPoint destination) => _socket.SendTo(Encoding.ASCII.GetBytes(text), destination);

    /// <summary>Waits for one datagram.</summary>
    /// <returns>What it said and where it came from; null if none came.</returns>
    public (string Text, IPEndPoint Source)? Receive()
    {
        byte[] buffer = new byte[2048];
        EndPoint source = new IPEndPoint(IPAddress.Any, 0);
        try
        {
            int length = _socket.ReceiveFrom(buffer, ref source);
            return (Encoding.ASCII.GetString(buffer, 0, length), (IPEndPoint)source);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
        {
            return null;
        }
    }

    /// <summary>Sends to <paramref name="other"/> and says which source it saw.</summary>
    /// <returns>Null if nothing arrived there.</returns>
    public IPEndPoint? SourceSeenBy(UdpProbe other)
    {
        Send("who am I", other.Local);
        return other.Receive()?.Source;
    }

    /// <returns>True if a datagram from here arrives at <paramref name="other"/> when sent to <paramref name="destination"/>.</returns>
    public bool Reaches(UdpProbe other, IPEndPoint destination)
    {
        string text = Guid.NewGuid().ToString();
        Send(text, destination);
        return other.Receive()?.Text == text;
    }

    public void Dispose() => _socket.Dispose();
}
