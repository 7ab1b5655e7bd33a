using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Addresses;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Io;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>A relay on loopback whose every frame is the test's.</summary>
internal sealed class ScriptedRelay : IDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>What the kernel takes for a relay that does not read, in bytes: a packet or two, so that it is full soon.</summary>
    private const int ReceiveBuffer = 4096;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2? _certificate;

    /// <param name="isTls">Says that it speaks TLS, by a certificate of its own making.</param>
    public ScriptedRelay(bool isTls = false)
    {
        _certificate = isTls ? MakeCertificate() : null;
        _listener.Server.ReceiveBufferSize = ReceiveBuffer;
        _listener.Start();
    }

    /// <summary>It, as a machine of a map.</summary>
    public RelayNode Node(string name) => new()
    {
        Name = name,
        HostName = "127.0.0.1",
        Ipv4 = TransportAddress.FromIpv4(0x7f000001, 0),
        RelayPort = (ushort)((IPEndPoint)_listener.LocalEndpoint).Port,
        StunPort = 0,
        IsPlain = _certificate is null,
        InsecureForTests = _certificate is not null,
    };

    public static RelayDialer Dialer(NodeKeyPair keys, Func<string?>? token = null)
    {
        RelayTransport transport = new(new MarkedDns(() => 0, TimeProvider.System, NullLogger.Instance), () => 0, () => ProxySettings.None, TimeProvider.System, NullLogger.Instance);
        return new RelayDialer(keys, transport, token, TimeProvider.System);
    }

    /// <summary>Takes the next connection, and lets it in.</summary>
    /// <param name="extensions">The version of our extensions that it speaks; 0 = none.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<Connection> AcceptAsync(int extensions = 1, CancellationToken cancellation = default)
    {
        TcpClient accepted = await _listener.AcceptTcpClientAsync(cancellation).AsTask().WaitAsync(Patience, cancellation);
        Stream stream = accepted.GetStream();
        if (_certificate is not null)
        {
            SslStream tls = new(stream);
            await tls.AuthenticateAsServerAsync(_certificate).WaitAsync(Patience, cancellation);
            stream = tls;
        }

        Connection connection = new(accepted, stream);
        await connection.LetInAsync(extensions);
        return connection;
    }

    public void Dispose()
    {
        _listener.Dispose();
        _certificate?.Dispose();
    }

    private static X509Certificate2 MakeCertificate()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=relay.test", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    internal sealed class Connection(TcpClient client, Stream stream) : IDisposable
    {
        private readonly Stream _stream = stream;

        /// <summary>The head of the request by which it came.</summary>
        public string Head { get; private set; } = "";

        public async Task SendAsync(byte[] frame) => await _stream.WriteAsync(frame).AsTask().WaitAsync(Patience);

        public Task SendAsync(FrameType type, ReadOnlySpan<byte> body)
        {
            byte[] frame = new byte[FrameHeader.Length + body.Length];
            FrameHeader.Write(frame, type, body.Length);
            body.CopyTo(frame.AsSpan(FrameHeader.Length));
            return SendAsync(frame);
        }

        /// <summary>The next frame of the client.</summary>
        public async Task<(FrameType Type, byte[] Body)> ReadAsync()
        {
            byte[] head = new byte[FrameHeader.Length];
            await _stream.ReadExactlyAsync(head).AsTask().WaitAsync(Patience);
            Assert.True(FrameHeader.TryRead(head, out FrameHeader header));
            byte[] body = new byte[header.BodyLength];
            await _stream.ReadExactlyAsync(body).AsTask().WaitAsync(Patience);
            return (header.Type, body);
        }

        /// <summary>The next frame that is no Ping: a client may ask for a sign of life whenever it likes.</summary>
        public async Task<(FrameType Type, byte[] Body)> ReadPastPingAsync()
        {
            (FrameType type, byte[] body) = await ReadAsync();
            while (type == FrameType.Ping) (type, body) = await ReadAsync();
            return (type, body);
        }

        /// <summary>Waits until the client has taken all that was sent.</summary>
        public async Task DrainAsync()
        {
            await SendAsync(FrameType.Ping, new byte[PingFrame.DataLength]);
            while ((await ReadAsync()).Type != FrameType.Pong) continue;
        }

        public void Dispose() => client.Dispose();

        /// <summary>The relay's side of a login.</summary>
        internal async Task LetInAsync(int extensions)
        {
            NodeKeyPair relay = CoreTesting.Keys(200);
            StringBuilder head = new();
            byte[] one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
            {
                await _stream.ReadExactlyAsync(one).AsTask().WaitAsync(Patience);
                head.Append((char)one[0]);
            }

            byte[] serverKey = new byte[ServerKeyFrame.Length];
            ServerKeyFrame.Write(serverKey, relay.PublicKey);
            await _stream.WriteAsync((byte[])[.. UpgradeResponse.Switching(relay.PublicKey), .. serverKey]);
            (FrameType type, byte[] body) = await ReadAsync();
            Assert.Equal(FrameType.ClientInfo, type);
            Assert.True(ClientInfo.TryOpen(body, relay, out NodeKey key, out _));
            await _stream.WriteAsync(new ServerInfo { Extensions = extensions }.ToFrame(relay, key, new byte[Box.NonceLength]));
            Head = head.ToString();
        }
    }
}
