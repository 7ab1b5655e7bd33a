using System.Net.NetworkInformation;
using System.Net.Sockets;
using Addresses;

namespace Datagrams.Tests;

/// <summary>Sockets on loopback and bounded waits, for both ways of moving datagrams.</summary>
internal static class Loopback
{
    public static readonly TransportAddress AnyIpv4Port = TransportAddress.FromIpv4(0x7f000001, 0);
    public static readonly TransportAddress AnyIpv6Port = TransportAddress.FromIpv6(1, 0);

    /// <summary>The ways to test: the one of this platform, and the portable one.</summary>
    public static TheoryData<bool> Ways => OperatingSystem.IsLinux() ? [false, true] : [true];

    public static DatagramSocket Bind(bool isPortable, TransportAddress? local = null, DatagramSocketOptions? options = null) =>
        DatagramSocket.Bind(local ?? AnyIpv4Port, options ?? DatagramSocketOptions.Default, isPortable);

    /// <summary>A link-local IPv6 address of this machine, with its zone; not valid where it has none. What is sent there never leaves the machine.</summary>
    public static TransportAddress FindLinkLocal() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(network => network.OperationalStatus == OperationalStatus.Up)
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Where(unicast => unicast.Address.IsIPv6LinkLocal && unicast.Address.ScopeId != 0)
        .Select(unicast => TransportAddress.From(unicast.Address, 0).WithZone((uint)unicast.Address.ScopeId))
        .FirstOrDefault();

    /// <summary>Receives once something is there; fails after 5 s.</summary>
    public static int ReceiveSoon(DatagramSocket socket, DatagramBatch batch)
    {
        AwaitReadable(socket);
        int count = socket.Receive(batch, out SocketError error);
        Assert.Equal(SocketError.Success, error);
        return count;
    }

    /// <summary>Waits until the socket has a datagram or an error to report.</summary>
    public static void AwaitReadable(DatagramSocket socket)
    {
        using var poller = new DatagramPoller();
        int[] ready = new int[1];
        poller.Add(socket, 0);
        for (int attempt = 0; attempt < 10; attempt++)
        {
            if (poller.Wait(ready, 5000) > 0) return; // A signal ends a wait early.
        }

        Assert.Fail("nothing arrived");
    }
}
