using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Addresses;
using Stun.Protocol;

namespace Node.Traversal.Tests.Io.Stun;

/// <summary>The client over TCP and TLS, against a server on loopback that does as the test says.</summary>
public sealed class StunStreamClientTests : IDisposable
{
    private static readonly TransportAddress Mapped = TransportAddress.FromIpv4(0xc6336407, 40000);
    private static readonly StunStreamOptions Tcp = new() { Timeout = TimeSpan.FromSeconds(20) };

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    public StunStreamClientTests() => _listener.Start();

    private TransportAddress Server => TransportAddress.From((IPEndPoint)_listener.LocalEndpoint);

    [Fact]
    public async Task A_server_over_tcp_answers()
    {
        Task serving = ServeAsync(stream => AnswerInPiecesAsync(stream));

        StunStreamAnswer answer = await StunStreamClient.AskAsync(Server, Tcp, CancellationToken.None);

        Assert.Equal((Server, Mapped), (answer.Server, answer.Mapped));
        await serving;
    }

    [Fact]
    public async Task A_server_over_tls_answers_and_a_certificate_that_nobody_vouches_for_is_refused()
    {
        using X509Certificate2 certificate = SelfSigned("localhost");
        StunStreamOptions strict = Tcp with { TlsName = "localhost" };
        Task refused = ServeTlsAsync(certificate);
        IOException problem = await Assert.ThrowsAsync<IOException>(() => StunStreamClient.AskAsync(Server, strict, CancellationToken.None));
        Assert.StartsWith("no TLS with", problem.Message, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<Exception>(() => refused);

        Task serving = ServeTlsAsync(certificate);
        StunStreamAnswer answer = await StunStreamClient.AskAsync(Server, strict with { AllowsAnyCertificate = true }, CancellationToken.None);

        Assert.Equal(Mapped, answer.Mapped);
        await serving;
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "is not STUN")]
    [InlineData("", "closed the connection")]
    public async Task What_is_no_answer_is_said(string says, string expected)
    {
        Task serving = ServeAsync(async stream =>
        {
            await stream.ReadAtLeastAsync(new byte[StunBindingRequest.Length], StunBindingRequest.Length);
            await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(says));
        });

        IOException problem = await Assert.ThrowsAsync<IOException>(() => StunStreamClient.AskAsync(Server, Tcp, CancellationToken.None));

        Assert.Contains(expected, problem.Message, StringComparison.Ordinal);
        await serving;
    }

    [Fact]
    public async Task A_server_that_takes_the_connection_and_is_silent_is_given_up()
    {
        using CancellationTokenSource over = new();
        Task serving = ServeAsync(async _ => await Task.Delay(Timeout.Infinite, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing));

        IOException problem = await Assert.ThrowsAsync<IOException>(
            () => StunStreamClient.AskAsync(Server, Tcp with { Timeout = TimeSpan.FromMilliseconds(300) }, CancellationToken.None));

        Assert.Contains("does not answer within 0.3 s", problem.Message, StringComparison.Ordinal);
        await over.CancelAsync();
        await serving;
    }

    [Fact]
    public async Task Where_nobody_listens_there_is_no_connection()
    {
        TransportAddress nobody = Server;
        _listener.Stop();

        IOException problem = await Assert.ThrowsAsync<IOException>(() => StunStreamClient.AskAsync(nobody, Tcp, CancellationToken.None));

        Assert.StartsWith($"no connection to {nobody}", problem.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync(Func<Stream, Task> serve)
    {
        using TcpClient client = await _listener.AcceptTcpClientAsync();
        await serve(client.GetStream());
    }

    private Task ServeTlsAsync(X509Certificate2 certificate) => ServeAsync(async stream =>
    {
        await using SslStream secured = new(stream);
        await secured.AuthenticateAsServerAsync(certificate);
        await AnswerInPiecesAsync(secured);
    });

    private static async Task AnswerInPiecesAsync(Stream stream)
    {
        byte[] request = new byte[StunBindingRequest.Length];
        await stream.ReadExactlyAsync(request);
        Assert.True(StunHeader.TryRead(request, out StunHeader header));
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(answer, header.TransactionId, Mapped);
        await stream.WriteAsync(answer.AsMemory(0, 7));
        await stream.FlushAsync();
        await stream.WriteAsync(answer.AsMemory(7, length - 7));
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
