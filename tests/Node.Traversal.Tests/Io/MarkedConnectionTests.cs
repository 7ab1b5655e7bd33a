using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace Node.Traversal.Tests.Io;

public sealed class MarkedConnectionTests
{
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task It_reaches_a_host_by_name_and_by_address(string host)
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();

        using Socket socket = await MarkedConnection.OpenAsync(host, ((IPEndPoint)listener.LocalEndpoint).Port, mark: 0, NullLogger.Instance, default);
        using Socket accepted = await listener.AcceptSocketAsync();

        Assert.Equal(socket.LocalEndPoint!.ToString(), accepted.RemoteEndPoint!.ToString());
    }

    [Fact]
    public async Task Nobody_there_is_an_error()
    {
        int port;
        using (TcpListener listener = new(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () => (await MarkedConnection.OpenAsync("127.0.0.1", port, 0, NullLogger.Instance, default)).Dispose());

        Assert.Equal(SocketError.ConnectionRefused, exception.SocketErrorCode);
    }
}
