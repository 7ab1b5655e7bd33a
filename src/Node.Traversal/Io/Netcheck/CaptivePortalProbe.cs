using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text;
using Addresses;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Messages.Http;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Asks relays by plain HTTP, on each interface that has an IPv4 address, whether a captive portal answers in their stead.</summary>
internal sealed class CaptivePortalProbe(Func<uint> mark, TimeProvider time)
{
    private const int MaxInterfaces = 8;
    private const int SolSocket = 1; // Linux.
    private const int SoBindToDevice = 25;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    /// <summary>Looks for a portal.</summary>
    /// <param name="map">The relays.</param>
    /// <param name="preferredRegion">Whose relays are asked first.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>True where there is one, false where a relay itself has answered, null where nobody has, or none can be asked.</returns>
    public async Task<bool?> FindAsync(RelayMap map, int preferredRegion, CancellationToken cancellation)
    {
        IReadOnlyList<TransportAddress> endpoints = CaptivePortal.Endpoints(map, preferredRegion);
        bool?[] answers = await Task.WhenAll(Interfaces().SelectMany(link => endpoints.Select(endpoint => AskAsync(link, endpoint, cancellation))));
        return answers.Contains(true) ? true : answers.Contains(false) ? false : null;
    }

    private async Task<bool?> AskAsync(string link, TransportAddress endpoint, CancellationToken cancellation)
    {
        using CancellationTokenSource timeout = new(Timeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            using Socket socket = MarkedSockets.Tcp(AddressFamily.InterNetwork, mark());
            if (OperatingSystem.IsLinux()) socket.SetRawSocketOption(SolSocket, SoBindToDevice, Encoding.ASCII.GetBytes($"{link}\0"));
            await socket.ConnectAsync(endpoint.ToIPEndPoint(), either.Token);
            await socket.SendAsync(CaptivePortal.Request(endpoint, time.GetUtcNow().ToUnixTimeSeconds()), either.Token);
            return await ReadAsync(socket, endpoint, either.Token);
        }
        catch (SocketException)
        {
            return null; // No way there is no portal: those let TCP through.
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task<bool?> ReadAsync(Socket socket, TransportAddress endpoint, CancellationToken cancellation)
    {
        byte[] buffer = new byte[HttpResponseHead.MaxLength + 1];
        int held = 0;
        while (true)
        {
            int read = await socket.ReceiveAsync(buffer.AsMemory(held), cancellation);
            held += read;
            if (read == 0) return null; // Cut off: a broken network, not a portal.
            if (CaptivePortal.Judge(buffer.AsSpan(0, held), endpoint) is { } isPortal) return isPortal;
        }
    }

    private static IEnumerable<string> Interfaces() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(link => link.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown && link.NetworkInterfaceType != NetworkInterfaceType.Loopback && PortalInterfaces.IsWorthAsking(link.Name))
        .Where(link => link.GetIPProperties().UnicastAddresses.Any(address => address.Address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address.Address)))
        .Select(link => link.Name)
        .Take(MaxInterfaces);
}
