using System.Net;
using System.Net.Sockets;

namespace Relay.Server.Tests;

/// <summary>A TCP port on loopback for a program that cannot be asked which one it was given, or whose port another must know before it starts.</summary>
internal static class FreePort
{
    /// <summary>Finds one that is free at this moment.</summary>
    public static int Find()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
