using System.Net;
using System.Net.Sockets;
using System.Text;
using Addresses;
using Node.Traversal.Core.PortMapping;
using Node.Traversal.Io.PortMapping;
using Node.Traversal.Messages.Upnp;

namespace Node.Traversal.Tests.Io.PortMapping;

/// <summary>HTTP with a gateway that may be hostile, over loopback.</summary>
public sealed class LanHttpClientTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly LanHttpClient _http = new(IPAddress.Loopback, IPAddress.Loopback, () => 0);
    private int _connections;

    public LanHttpClientTests() => _listener.Start();

    [Fact]
    public async Task An_action_goes_out_whole_and_its_answer_comes_back()
    {
        Task<string> serving = ServeAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\n<e/>"u8.ToArray());
        UpnpReply reply = await _http.SendAsync(Request("urn:x#Act", "<body/>"), TestContext.Current.CancellationToken);

        string request = await serving;
        Assert.Equal((500, "<e/>"), (reply.Status, Encoding.UTF8.GetString(reply.Body)));
        Assert.StartsWith("POST /ctl?a=b HTTP/1.1\r\n", request, StringComparison.Ordinal);
        Assert.Contains("SOAPAction: \"urn:x#Act\"", request, StringComparison.Ordinal);
        Assert.EndsWith("<body/>", request, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        Task<string> serving = ServeAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{Port}/elsewhere\r\nContent-Length: 0\r\n\r\n"));
        UpnpReply reply = await _http.SendAsync(Request(null), TestContext.Current.CancellationToken);

        await serving;
        Assert.Equal(302, reply.Status);
        Assert.Equal(1, _connections);
        Assert.False(_listener.Pending());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_huge_body_is_not_read(bool isAnnounced)
    {
        string head = isAnnounced ? "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" : "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        Task<string> serving = ServeAsync([.. Encoding.ASCII.GetBytes(head), .. new byte[UpnpXml.MaxLength + 1]]);
        UpnpReply reply = await _http.SendAsync(Request(null), TestContext.Current.CancellationToken);

        await serving;
        Assert.Equal(0, reply.Status);
    }

    [Fact]
    public async Task Huge_headers_are_not_read()
    {
        Task<string> serving = ServeAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nA: {new string('a', 20_000)}\r\nContent-Length: 0\r\n\r\n"));
        UpnpReply reply = await _http.SendAsync(Request(null), TestContext.Current.CancellationToken);

        await serving;
        Assert.Equal(0, reply.Status);
    }

    [Fact]
    public async Task A_body_that_never_ends_ends_with_our_patience()
    {
        using CancellationTokenSource done = new();
        Task<string> serving = ServeAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<"u8.ToArray(), done.Token);
        UpnpReply reply = await _http.SendAsync(Request(null), TestContext.Current.CancellationToken); // Ends, or the test does not.

        await done.CancelAsync();
        await serving;
        Assert.Equal(0, reply.Status);
    }

    [Fact]
    public async Task Whatever_host_is_named_the_gateway_is_dialled()
    {
        Task<string> serving = ServeAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
        UpnpReply reply = await _http.SendAsync(
            new UpnpRequest(1, TransportAddress.FromIpv4(0xcb007109, (ushort)Port), "/", null, []), TestContext.Current.CancellationToken);

        await serving;
        Assert.Equal(200, reply.Status);
    }

    [Fact]
    public async Task Nobody_there_is_no_answer()
    {
        _listener.Stop();
        UpnpReply reply = await _http.SendAsync(Request(null), TestContext.Current.CancellationToken);

        Assert.Equal(0, reply.Status);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _http.Dispose();
    }

    private int Port { get; set; }

    private UpnpRequest Request(string? action, string body = "")
    {
        if (_listener.Server.IsBound) Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        return new UpnpRequest(1, TransportAddress.FromIpv4(0x7f000001, (ushort)(Port == 0 ? 1 : Port)), "/ctl?a=b", action, Encoding.UTF8.GetBytes(body));
    }

    /// <summary>Answers one request; holds the connection open until <paramref name="hold"/>, where it is given.</summary>
    private async Task<string> ServeAsync(byte[] answer, CancellationToken hold = default)
    {
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        using Socket connection = await _listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        _connections++;
        byte[] buffer = new byte[8192];
        StringBuilder request = new();
        do
        {
            int length = await connection.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            if (length == 0) break;
            request.Append(Encoding.UTF8.GetString(buffer, 0, length));
        }
        while (!request.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) || (request.ToString().StartsWith("POST", StringComparison.Ordinal) && !request.ToString().EndsWith('>')));
        try
        {
            await connection.SendAsync(answer, TestContext.Current.CancellationToken);
            if (hold.CanBeCanceled) await Task.Delay(Timeout.Infinite, hold);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
            return request.ToString(); // The client has had enough, or the test has.
        }

        return request.ToString();
    }
}
