using System.Diagnostics;
using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Admission;
using Relay.Server.Streams;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests;

/// <summary>Who may use the program, and what changes while it runs.</summary>
public sealed class AdmissionProgramTests : IDisposable
{
    private const byte Alice = 1;
    private const byte Bob = 2;

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-admission-").FullName;
    private readonly HttpClient _web = new();

    public void Dispose()
    {
        _web.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("--admission: 'closed' is no admission policy", "--admission", "closed")]
    [InlineData("--admission: 'file:' names nothing", "--admission", "file:")]
    [InlineData("--admission: 'open' lets anybody in", "--admission", "open", "--admission", "url:http://127.0.0.1/")]
    [InlineData("--admission: 'http://192.0.2.1/keys' is not https", "--admission", "token:http://192.0.2.1/keys")]
    [InlineData("--admission: 'ftp://x' is no web address", "--admission", "url:ftp://x")]
    [InlineData("--admission: Could not find file", "--admission", "file:/nonexistent")]
    [InlineData("--admission-url-fail: there is no url: policy", "--admission-url-fail", "open")]
    [InlineData("--token-revoked: there is no token: policy", "--token-revoked", "x")]
    [InlineData("--admin: 0.0.0.0:0 is not loopback", "--admin", "0.0.0.0:0")]
    [InlineData("--admin-secret-file: /nonexistent cannot be read: there is no such file", "--admin-secret-file", "/nonexistent")]
    public async Task A_bad_option_is_one_sentence_and_exit_code_2(string problem, params string[] arguments)
    {
        (int code, _, string error) = await RunAsync(arguments);

        Assert.Equal(2, code);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_list_is_read_again_while_clients_are_connected()
    {
        string list = Write("list", $"{Hex(Alice)} # friend\n");
        await using RunningRelay relay = await StartAsync("--admission", $"file:{list}");
        using TestClient alice = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice);
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob);
        Assert.Contains("not on the relay's list", await HealthAsync(bob), StringComparison.Ordinal);
        await bob.SendAsync(alice.Key, [1]); // It reaches nobody.

        Write("list", $"{Hex(Alice)}\nnonsense\n");
        relay.HangUp();
        await relay.LoggedAsync("the old stays");
        Assert.Contains("list, line 2: the first word is no key", relay.Log, StringComparison.Ordinal);
        await alice.SendAsync(alice.Key, [2]);
        Assert.Equal(2, (await alice.ReceiveAsync()).Body[^1]);

        Write("list", $"{Hex(Alice)}\n{Hex(Bob)}\n"); // No signal: the change is noticed.
        await bob.LeftAsync(); // It is to come back, and be looked at anew.
        using TestClient again = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob);
        await again.SendAsync(alice.Key, [3]);
        Assert.Equal(3, (await alice.ReceiveAsync()).Body[^1]);

        Write("list", $"{Hex(Bob)}\n");
        await alice.LeftAsync();
        await again.SendAsync(again.Key, [4]); // The other never noticed.
        Assert.Equal(4, (await again.ReceiveAsync()).Body[^1]);
    }

    [Fact]
    public async Task A_token_lets_its_holder_in_until_it_is_revoked()
    {
        string key = Path.Combine(_directory, "sign.pem"), keySet = Path.Combine(_directory, "keys.json"), revoked = Write("revoked", "");
        Assert.Equal(0, (await RunAsync("token", "issue", "--create-key", "--signing-key", key, "--key-set", keySet)).Code);
        string token = await IssueAsync(key, Alice, "--tenant", "red", "--id", "laptop");
        string tokenFile = Write("token", token);
        (int valid, string shown, _) = await RunAsync("token", "inspect", tokenFile, "--key-set", keySet);
        Assert.Equal((0, true, true), (valid, shown.Contains("\"tenant\": \"red\"", StringComparison.Ordinal), shown.EndsWith("valid\n", StringComparison.Ordinal)));

        await using RunningRelay relay = await StartAsync("--admission", $"token:{keySet}", "--token-revoked", revoked);
        using TestClient alice = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice, token: token);
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob, token: await IssueAsync(key, Bob, "--tenant", "red"));
        using TestClient stranger = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 3, token: await IssueAsync(key, 3, "--tenant", "blue"));
        using TestClient late = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 4, new ClientInfo { Extensions = 1 });
        Assert.Contains("wants a token", await HealthAsync(late), StringComparison.Ordinal);
        using TestClient thief = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 5, token: token);
        Assert.Contains("another key", await HealthAsync(thief), StringComparison.Ordinal);
        RelayProtocolException refused = await Assert.ThrowsAsync<RelayProtocolException>(async () => await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice, token: token + "x"));
        Assert.Contains("401", refused.Message, StringComparison.Ordinal);

        await late.SendFrameAsync(TokenFrame.Of(await IssueAsync(key, 4, "--tenant", "red")));
        Assert.Equal(FrameType.ServerInfo, (await late.ReceiveAsync()).Type);
        await late.SendAsync(bob.Key, [1]);
        Assert.Equal(1, (await bob.ReceiveAsync()).Body[^1]);
        foreach (NodeKey foreign in (NodeKey[])[alice.Key, RelayWorld.Keys(77).PublicKey])
        {
            await stranger.SendAsync(foreign, RelayWorld.Disco());
            (FrameType type, byte[] body) = await stranger.ReceiveAsync();
            Assert.Equal((FrameType.PeerGone, foreign, 1), (type, new NodeKey(body.AsSpan(0, 32)), body[32]));
        }

        Write("revoked", "laptop\n");
        await alice.LeftAsync();
        await bob.SendAsync(bob.Key, [2]);
        Assert.Equal(2, (await bob.ReceiveAsync()).Body[^1]);
        using TestClient back = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice, token: token);
        Assert.Contains("revoked", await HealthAsync(back), StringComparison.Ordinal);
        Assert.DoesNotContain(token, relay.Log, StringComparison.Ordinal);
        string metrics = await _web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));
        Assert.Contains("relay_logins_refused_total", metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(Hex(Alice), metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task By_WebSocket_a_token_counts_as_in_any_other_upgrade()
    {
        string key = Path.Combine(_directory, "sign.pem"), keySet = Path.Combine(_directory, "keys.json");
        Assert.Equal(0, (await RunAsync("token", "issue", "--create-key", "--signing-key", key, "--key-set", keySet)).Code);
        string token = await IssueAsync(key, Alice);
        await using RunningRelay relay = await StartAsync("--admission", $"token:{keySet}");

        using ClientWebSocket good = await OpenWebSocketAsync(relay, token);
        using TestClient alice = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(good), Alice);
        await alice.SendAsync(alice.Key, [7]);
        Assert.Equal(7, (await alice.ReceiveAsync()).Body[^1]);

        using ClientWebSocket stolen = await OpenWebSocketAsync(relay, token);
        using TestClient thief = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(stolen), Bob);
        Assert.Contains("another key", await HealthAsync(thief), StringComparison.Ordinal);

        using ClientWebSocket none = await OpenWebSocketAsync(relay, token: null);
        using TestClient stranger = await TestClient.LogInWithoutHeadAsync(new WebSocketBytes(none), 3);
        Assert.Contains("wants a token", await HealthAsync(stranger), StringComparison.Ordinal);

        WebSocketException refused = await Assert.ThrowsAsync<WebSocketException>(() => OpenWebSocketAsync(relay, token + "x"));
        Assert.Contains("401", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_expires_ends_its_connection()
    {
        string key = Path.Combine(_directory, "sign.pem"), keySet = Path.Combine(_directory, "keys.json");
        await RunAsync("token", "issue", "--create-key", "--signing-key", key, "--key-set", keySet);
        using TokenSigner signer = TokenSigner.Read(key);
        await using RunningRelay relay = await StartAsync("--admission", $"token:{keySet}");
        DateTimeOffset now = DateTimeOffset.UtcNow;
        TokenContent content = new() { Key = RelayWorld.Keys(Alice).PublicKey, Audience = "relay", NotBefore = now - TimeSpan.FromHours(1), Expires = now - TokenVerifier.ClockSkew + TimeSpan.FromSeconds(4), Id = "1" };

        using TestClient alice = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice, token: signer.Sign(content));

        await alice.LeftAsync();
        await relay.LoggedAsync("AdmissionEnded");
    }

    [Fact]
    public async Task The_operator_lists_disconnects_and_bans()
    {
        await using RunningRelay relay = await StartAsync("--admission", "open");
        using TestClient alice = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice);
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob);
        await alice.SendAsync(bob.Key, new byte[100]);
        await bob.ReceiveAsync();

        string json = await _web.GetStringAsync(new Uri($"http://{relay.Admin}/debug/clients?format=json"));
        System.Text.Json.JsonElement clients = System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("clients");
        Assert.Equal(2, clients.GetArrayLength());
        System.Text.Json.JsonElement one = clients.EnumerateArray().Single(client => client.GetProperty("key").GetString() == Hex(Alice));
        Assert.Equal((1, 100, "Open"), (one.GetProperty("total").GetProperty("packetsIn").GetInt32(), one.GetProperty("total").GetProperty("bytesIn").GetInt32(), one.GetProperty("admission").GetString()));
        Assert.Contains(Hex(Bob), await _web.GetStringAsync(new Uri($"http://{relay.Admin}/debug/clients")), StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.OK, await PostAsync(relay, $"/debug/clients/disconnect?key={Hex(Alice)}"));
        await alice.LeftAsync();
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync(relay, $"/debug/clients/disconnect?key={Hex(9)}"));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(relay, "/debug/bans/add?key=x"));
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(relay, $"/debug/bans/add?key={Hex(Alice)}&seconds=0"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(relay, $"/debug/bans/add?key={RelayWorld.Keys(Bob).PublicKey.ToBase64()}"));
        await bob.LeftAsync();
        using TestClient banned = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob);
        Assert.Contains("shut this key out", await HealthAsync(banned), StringComparison.Ordinal);
        Assert.Contains(Hex(Bob), await _web.GetStringAsync(new Uri($"http://{relay.Admin}/debug/bans")), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(relay, $"/debug/bans/remove?key={Hex(Bob)}"));
        await banned.LeftAsync();
        using TestClient back = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob);
        await back.SendAsync(back.Key, [1]);
        Assert.Equal(FrameType.RecvPacket, (await back.ReceiveAsync()).Type);
    }

    [Fact]
    public async Task No_other_site_and_nobody_without_the_secret_gets_to_the_admin_pages()
    {
        string secret = Write("secret", "0123456789abcdef0123\n");
        await using RunningRelay open = await StartAsync("--admission", "open");
        await using RunningRelay guarded = await StartAsync("--admission", "open", "--admin-secret-file", secret);

        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync(open, $"/debug/bans/add?key={Hex(Alice)}", ("Origin", "https://evil.example")));
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync(open, $"/debug/bans/add?key={Hex(Alice)}", ("Host", "evil.example")));
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync(open, $"/debug/bans/add?key={Hex(Alice)}", ("Sec-Fetch-Site", "cross-site")));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _web.GetAsync(new Uri($"http://{open.Admin}/debug/bans/add?key={Hex(Alice)}"))).StatusCode);
        Assert.Equal(HttpStatusCode.OK, await PostAsync(open, $"/debug/bans/add?key={Hex(Alice)}", ("Origin", $"http://{open.Admin}")));
        Assert.Equal(HttpStatusCode.Unauthorized, (await _web.GetAsync(new Uri($"http://{guarded.Admin}/metrics"))).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(guarded, $"/debug/bans/add?key={Hex(Alice)}", ("Authorization", "Bearer 0123456789abcdef0124")));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(guarded, $"/debug/bans/add?key={Hex(Alice)}", ("Authorization", "Bearer 0123456789abcdef0123")));
        Assert.Equal(HttpStatusCode.OK, (await _web.GetAsync(new Uri($"http://{guarded.Admin}/readyz"))).StatusCode);
    }

    [Fact]
    public async Task A_new_certificate_is_taken_without_dropping_a_connection_and_a_bad_one_is_not()
    {
        (string certificate, string key) = WriteCertificate();
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key);
        (Stream stream, string before) = await relay.OpenTlsAsync();
        using TestClient alice = await TestClient.LogInAsync(stream, Alice);

        File.WriteAllText(certificate, "nonsense");
        relay.HangUp();
        await relay.LoggedAsync("The new certificate cannot be used");
        Assert.Equal(before, (await relay.OpenTlsAsync()).Pin);
        WriteCertificate();
        relay.HangUp();
        await relay.LoggedAsync("Read again: certificate");

        Assert.NotEqual(before, (await relay.OpenTlsAsync()).Pin);
        await alice.SendAsync(alice.Key, [1]);
        Assert.Equal(FrameType.RecvPacket, (await alice.ReceiveAsync()).Type);
    }

    [Fact]
    public async Task Limits_of_the_settings_file_are_read_again()
    {
        string settings = Write("settings.json", "{ \"maxConnections\": 1000 }");
        await using RunningRelay relay = await StartAsync("--config", settings);
        using TestClient alice = await TestClient.LogInAsync(await relay.OpenPlainAsync(), Alice);

        Write("settings.json", "{ \"maxConnections\": -1 }");
        await relay.LoggedAsync("The new limits cannot be used");
        Write("settings.json", "{ \"maxConnections\": 1 }");
        await relay.LoggedAsync("Read again: limits");

        RelayProtocolException refused = await Assert.ThrowsAsync<RelayProtocolException>(async () => await TestClient.LogInAsync(await relay.OpenPlainAsync(), Bob));
        Assert.Contains("too many connections", refused.Message, StringComparison.Ordinal);
        await alice.SendAsync(alice.Key, [1]);
        Assert.Equal(FrameType.RecvPacket, (await alice.ReceiveAsync()).Type);
    }

    [Fact]
    public async Task The_metrics_are_what_Prometheus_takes_and_name_no_key()
    {
        string list = Write("list", string.Join('\n', Enumerable.Range(1, 60).Select(seed => $"{Hex((byte)seed)} tenant{seed}")));
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--admission", $"file:{list}");
        for (byte seed = 1; seed <= 60; seed++)
        {
            using TestClient client = await TestClient.LogInAsync((await relay.OpenTlsAsync()).Stream, seed);
            await client.SendAsync(client.Key, new byte[100]);
            await client.ReceiveAsync();
        }

        string metrics = await _web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));

        foreach (string line in (string[])[
            "relay_packets_total{network_io_direction=\"in\"} 60",
            "relay_io_bytes_total{network_io_direction=\"out\"} 6000",
            "relay_logins_total{relay_admission_source=\"list\"} 60",
            "relay_tls_handshakes_total{tls_protocol_version=\"1.3\"} 60",
            "relay_packet_length_bytes_bucket{le=\"128\"} 60",
            "relay_login_duration_seconds_count 60",
            "relay_queue_wait_seconds_count 60",
            "relay_reloads_total",
            "relay_drop_reason=\"unknown_destination\"",
            "relay_connections{relay_transport=\"tls\"}",
            "relay_connections{relay_transport=\"websocket\"} 0",
            "relay_packets_forwarded_total{network_io_direction=\"out\"} 0",
            "relay_pings_total{} 0",
            "relay_home_changes_total{relay_home_change=\"made\"} 0",
            "stun_requests_total",
            "dotnet_gc_collections_total"])
        {
            Assert.Contains(line, metrics, StringComparison.Ordinal);
        }

        string[] series = [.. metrics.Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line[..line.LastIndexOf(' ')])];
        Assert.Equal(series.Distinct().Count(), series.Length); // promtool takes a series that is told twice; a scraper does not.
        string[] tenants = [.. metrics.Split('\n').Where(line => line.StartsWith("relay_tenant_packets_total{", StringComparison.Ordinal) && line.Contains("\"in\"", StringComparison.Ordinal))];
        Assert.InRange(tenants.Length, 40, Relay.Server.Telemetry.TenantTotals.MaxNamed + 1);
        Assert.Equal(60, tenants.Sum(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.DoesNotContain(Hex(1), metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(RelayWorld.Keys(1).PublicKey.ToString(), metrics, StringComparison.Ordinal);
        string? promtool = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(directory => Path.Combine(directory, "promtool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(promtool is null, "promtool is not installed (scripts/install-dependencies.sh)");
        using Process check = Process.Start(new ProcessStartInfo(promtool, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })!;
        await check.StandardInput.WriteAsync(metrics);
        check.StandardInput.Close();
        string complaints = await check.StandardError.ReadToEndAsync() + await check.StandardOutput.ReadToEndAsync();
        await check.WaitForExitAsync();
        Assert.True(check.ExitCode == 0, complaints);
    }

    private static string Hex(byte seed) => RelayWorld.Keys(seed).PublicKey.ToHex();

    private static async Task<string> HealthAsync(TestClient client)
    {
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        Assert.Equal(FrameType.Health, type);
        return Encoding.UTF8.GetString(body);
    }

    private static Task<RunningRelay> StartAsync(params string[] arguments) => RunningRelay.StartAsync([.. (string[])["--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0"], .. arguments]);

    private static async Task<ClientWebSocket> OpenWebSocketAsync(RunningRelay relay, string? token)
    {
        ClientWebSocket socket = new();
        socket.Options.AddSubProtocol(WebSocketEndpoint.Subprotocol);
        if (token is not null) socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        await socket.ConnectAsync(new Uri($"ws://{relay.Plain}/derp"), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
        return socket;
    }

    private static async Task<string> IssueAsync(string key, byte seed, params string[] more)
    {
        (int code, string token, string error) = await RunAsync(["token", "issue", "--signing-key", key, "--node-key", RelayWorld.Keys(seed).PublicKey.ToBase64(), .. more]);
        Assert.True(code == 0, error);
        return token.Trim();
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using Process process = RunningRelay.Launch(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        return (process.ExitCode, await output, await error);
    }

    private async Task<HttpStatusCode> PostAsync(RunningRelay relay, string path, params (string Name, string Value)[] fields)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, $"http://{relay.Admin}{path}");
        foreach ((string name, string value) in fields) request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage response = await _web.SendAsync(request);
        return response.StatusCode;
    }

    private (string Certificate, string Key) WriteCertificate()
    {
        using System.Security.Cryptography.ECDsa key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest("CN=relay", key, System.Security.Cryptography.HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return (Write("cert.pem", certificate.ExportCertificatePem()), Write("key.pem", key.ExportPkcs8PrivateKeyPem()));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_directory, name);
        File.WriteAllText(path + ".new", text);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }
}
