using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Shards;

namespace Relay.Server.Tests;

/// <summary>What stands in front of a relay: proxies that say whose a connection is, and its web pages.</summary>
public sealed class FrontTests : IDisposable
{
    private const string Secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-front-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    public async Task A_trusted_proxy_says_whose_the_connection_is_and_that_is_what_watchers_hear(string shards)
    {
        await using RunningRelay relay = await StartAsync("--trusted-proxy", "127.0.0.0/8", "--shards", shards);
        using TestClient watcher = await WatchAsync(relay);
        byte[] version2 = [.. Convert.FromHexString("0d0a0d0a000d0a515549540a21210024" + "20010db800000000000000000000000a20010db8000000000000000000000001d43101bb")];

        (byte[] Header, bool IsTls, string Fields, string Address)[] cases =
        [
            ("PROXY TCP4 203.0.113.10 192.0.2.1 54321 443\r\n"u8.ToArray(), true, "", "203.0.113.10:54321"),
            ("PROXY TCP4 203.0.113.10 192.0.2.1 54321 443\r\n"u8.ToArray(), false, "", "203.0.113.10:54321"),
            (version2, true, "", "[2001:db8::a]:54321"),
            (version2, false, "", "[2001:db8::a]:54321"),
            ([], false, "\r\nX-Forwarded-For: 6.6.6.6, 198.51.100.7", "198.51.100.7:0"),
            ([], true, "\r\nX-Forwarded-For: 198.51.100.7", "198.51.100.7:0"),
        ];
        byte seed = 1;
        foreach ((byte[] header, bool isTls, string fields, string address) in cases)
        {
            using TestClient client = await TestClient.LogInAsync(await OpenAsync(relay, isTls, header), seed++, fields: fields);
            Assert.Equal((client.Key, address), await NextPresentAsync(watcher));
        }
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    public async Task A_header_that_is_malformed_ends_the_connection_and_is_counted(string shards)
    {
        await using RunningRelay relay = await StartAsync("--trusted-proxy", "127.0.0.1", "--shards", shards);
        foreach (bool isTls in (bool[])[true, false])
        {
            using Stream stream = await relay.ConnectAsync(isTls ? relay.Tls : relay.Plain);
            await stream.WriteAsync("PROXY TCP4 nonsense 192.0.2.1 1 2\r\n"u8.ToArray());
            Assert.Equal(0, await ReadToEndAsync(stream));
        }

        using (Stream stream = await relay.OpenPlainAsync())
        {
            await stream.WriteAsync("GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nX-Forwarded-For: me\r\n\r\n"u8.ToArray());
            Assert.NotEqual(0, await ReadToEndAsync(stream));
        }

        using HttpClient web = new();
        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));
        Assert.Contains("relay_connections_closed_total{relay_close_reason=\"bad_proxy_header\"} 3", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_else_is_believed()
    {
        await using RunningRelay relay = await StartAsync("--trusted-proxy", "192.0.2.0/24");
        using TestClient watcher = await WatchAsync(relay);
        using TestClient forwarded = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1, fields: "\r\nX-Forwarded-For: 198.51.100.7");
        Assert.StartsWith("127.0.0.1:", (await NextPresentAsync(watcher)).Address, StringComparison.Ordinal);

        using Stream stream = await relay.OpenPlainAsync();
        await stream.WriteAsync("PROXY TCP4 203.0.113.10 192.0.2.1 54321 443\r\nGET /derp HTTP/1.1\r\nUpgrade: DERP\r\n\r\n"u8.ToArray());
        Assert.Equal(0, await ReadToEndAsync(stream));
    }

    [Fact]
    public async Task The_last_certificate_of_the_chain_tells_the_relays_key_and_a_client_that_knows_it_starts_fast()
    {
        Assert.SkipUnless(OpenSsl.IsAvailable, "There is no OpenSSL 3 here, and the base library's TLS serves no such certificate.");
        await using RunningRelay relay = await StartAsync();
        List<X509Certificate2> chain = [];
        using SslStream tls = new(await relay.ConnectAsync(relay.Tls));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = SslProtocols.Tls13,
            RemoteCertificateValidationCallback = (_, leaf, built, _) =>
            {
                chain.AddRange(built!.ChainPolicy.ExtraStore.Select(one => X509CertificateLoader.LoadCertificate(one.RawData)));
                return leaf is not null;
            },
        });

        Assert.Equal(SslProtocols.Tls13, tls.SslProtocol);
        X509Certificate2 last = chain[^1];
        Assert.Equal("02", last.SerialNumber);
        Assert.True(DerpKeyCertificate.TryReadName(last.GetNameInfo(X509NameType.SimpleName, false), out NodeKey serverKey));
        Assert.Equal(relay.PublicKey, serverKey.ToHex());

        // Head and login in one write, and no byte of HTTP comes back.
        NodeKeyPair keys = Core.RelayWorld.Keys(1);
        byte[] login = new ClientInfo().ToFrame(keys, serverKey, new byte[Box.NonceLength]);
        await tls.WriteAsync((byte[])[.. "GET /derp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: DERP\r\nDerp-Fast-Start: 1\r\n\r\n"u8, .. login]);
        byte[] answer = new byte[ServerKeyFrame.Length + FrameHeader.Length];
        await tls.ReadExactlyAsync(answer).AsTask().WaitAsync(Patience);
        Assert.Equal("010000002844455250f09f9491" + relay.PublicKey + "03", Convert.ToHexStringLower(answer.AsSpan(0, ServerKeyFrame.Length + 1)));
    }

    [Fact]
    public async Task Pages_carry_the_headers_that_keep_browsers_safe()
    {
        await using RunningRelay relay = await StartAsync("--bootstrap-dns-name", "localhost");
        using HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = (_, _, _, _) => true, AllowAutoRedirect = false };
        using HttpClient web = new(handler);
        foreach (string origin in (string[])[$"https://{relay.Tls}", $"http://{relay.Plain}"])
        {
            using HttpResponseMessage home = await web.GetAsync(new Uri(origin + "/"));
            Assert.Equal(HttpStatusCode.OK, home.StatusCode);
            Assert.Equal("nosniff", home.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("DENY", home.Headers.GetValues("X-Frame-Options").Single());
            Assert.StartsWith("default-src 'none'", home.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            Assert.Equal(origin.StartsWith("https", StringComparison.Ordinal), home.Headers.Contains("Strict-Transport-Security"));

            using HttpResponseMessage upgrade = await web.GetAsync(new Uri(origin + "/derp"));
            Assert.Equal((HttpStatusCode.UpgradeRequired, "DERP requires connection upgrade\n"), (upgrade.StatusCode, await upgrade.Content.ReadAsStringAsync()));

            using HttpResponseMessage probe = await web.SendAsync(new HttpRequestMessage(HttpMethod.Head, origin + "/derp/latency-check"));
            Assert.Equal((HttpStatusCode.OK, "*"), (probe.StatusCode, probe.Headers.GetValues("Access-Control-Allow-Origin").Single()));

            foreach (string challenge in (string[])[new string('x', 65), "a b", "a;b"])
            {
                using HttpRequestMessage request = new(HttpMethod.Get, origin + "/generate_204");
                request.Headers.TryAddWithoutValidation("X-Tailscale-Challenge", challenge);
                using HttpResponseMessage answer = await web.SendAsync(request);
                Assert.Equal((HttpStatusCode.NoContent, false), (answer.StatusCode, answer.Headers.Contains("X-Tailscale-Response")));
            }

            using HttpResponseMessage dns = await web.GetAsync(new Uri(origin + "/bootstrap-dns"));
            Assert.Contains("127.0.0.1", await AddressesAsync(dns));
            Assert.True(dns.Headers.ConnectionClose);
            using HttpResponseMessage one = await web.GetAsync(new Uri(origin + "/bootstrap-dns?q=LOCALHOST"));
            Assert.Contains("127.0.0.1", await AddressesAsync(one));
            Assert.Equal("{}", await web.GetStringAsync(new Uri(origin + "/bootstrap-dns?q=example.com")));
            Assert.Contains("Disallow: /", await web.GetStringAsync(new Uri(origin + "/robots.txt")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_http_port_answers_the_captive_portal_check_and_sends_the_rest_to_https()
    {
        await using RunningRelay relay = await StartAsync("--http", "127.0.0.1:0");
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient web = new(handler);
        string origin = $"http://{relay.Http}";

        using HttpRequestMessage request = new(HttpMethod.Get, origin + "/generate_204");
        request.Headers.Add("X-Tailscale-Challenge", "ts_1");
        using HttpResponseMessage portal = await web.SendAsync(request);
        Assert.Equal((HttpStatusCode.NoContent, "response ts_1"), (portal.StatusCode, portal.Headers.GetValues("X-Tailscale-Response").Single()));

        using HttpResponseMessage other = await web.GetAsync(new Uri(origin + "/derp?x=1"));
        Assert.Equal((HttpStatusCode.Found, $"https://127.0.0.1:{relay.Tls.Split(':')[^1]}/derp?x=1"), (other.StatusCode, other.Headers.Location!.ToString()));
        Assert.Equal(HttpStatusCode.Found, (await web.GetAsync(new Uri(origin + "/metrics"))).StatusCode); // The operator's alone.
    }

    [Theory]
    [InlineData("--trusted-proxy: 'proxy' is no address", "--trusted-proxy", "proxy")]
    [InlineData("--path: 'derp' is no path", "--path", "derp")]
    [InlineData("--http: '80' is not an address", "--http", "80")]
    [InlineData("--bootstrap-dns-name: 'a/b' is no name", "--bootstrap-dns-name", "a/b")]
    [InlineData("--mesh-key-file: none.key is no mesh key", "--mesh-key-file", "none.key")]
    [InlineData("--mesh-with: relays of a region need a secret", "--mesh-with", "relay2.example.com")]
    [InlineData("--mesh-tenant: there are no links without a secret", "--mesh-tenant", "red")]
    [InlineData("--mesh-with: 'a:b:c' names no relay", "--mesh-with", "a:b:c")]
    [InlineData("--mesh-pin: 'abc' is no pin", "--mesh-pin", "abc")]
    [InlineData("--mesh-ca: none.pem cannot be read", "--mesh-ca", "none.pem")]
    public async Task A_bad_option_is_one_sentence_and_exit_code_2(string problem, params string[] arguments)
    {
        using System.Diagnostics.Process process = RunningRelay.Launch(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await process.WaitForExitAsync().WaitAsync(Patience);

        Assert.Equal((2, ""), (process.ExitCode, await output));
        Assert.Contains(problem, error, StringComparison.Ordinal);
    }

    private async Task<RunningRelay> StartAsync(params string[] arguments)
    {
        string secret = Path.Combine(_directory, "mesh.key");
        await File.WriteAllTextAsync(secret, Secret + "\n");
        return await RunningRelay.StartAsync(["--listen", "127.0.0.1:0", "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0", "--mesh-key-file", secret, .. arguments]);
    }

    private static async Task<TestClient> WatchAsync(RunningRelay relay)
    {
        TestClient watcher = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 99, new ClientInfo { MeshKey = Secret });
        await watcher.SendFrameAsync(WatchConnsFrame.Bytes.ToArray());
        Assert.Equal(watcher.Key, (await NextPresentAsync(watcher)).Key);
        return watcher;
    }

    private static async Task<(NodeKey Key, string Address)> NextPresentAsync(TestClient watcher)
    {
        while (true)
        {
            (FrameType type, byte[] body) = await watcher.ReceiveAsync();
            if (type == FrameType.PeerGone) continue; // One of the clients before.
            Assert.Equal(FrameType.PeerPresent, type);
            Assert.True(PeerPresentFrame.TryRead(body, out NodeKey key, out TransportAddress address, out _));
            return (key, address.ToString());
        }
    }

    private static async Task<Stream> OpenAsync(RunningRelay relay, bool isTls, byte[] header)
    {
        Stream stream = await relay.ConnectAsync(isTls ? relay.Tls : relay.Plain);
        foreach (byte[] part in header.Chunk(20))
        {
            await stream.WriteAsync(part); // However it is cut.
            await stream.FlushAsync();
        }

        if (!isTls) return stream;
        SslStream tls = new(stream);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null });
        return tls;
    }

    private static async Task<int> ReadToEndAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        int total = 0;
        try
        {
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(Patience) is > 0 and int read) total += read;
        }
        catch (IOException)
        {
            return total; // Reset: it had not read all that we sent.
        }

        return total;
    }

    private static async Task<string[]> AddressesAsync(HttpResponseMessage answer) =>
        [.. JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("localhost").EnumerateArray().Select(address => address.GetString()!)];
}
