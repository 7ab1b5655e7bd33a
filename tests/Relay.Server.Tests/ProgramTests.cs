using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Hosting;

namespace Relay.Server.Tests;

/// <summary>The program as an operator starts it, on loopback.</summary>
public sealed class ProgramTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-program-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("--listen: 0.0.0.0:0 is not loopback", "--admission open", "--listen", "0.0.0.0:0")]
    [InlineData("--listen-plain: 192.0.2.1:80 is not loopback", "--admission open", "--listen-plain", "192.0.2.1:80")]
    [InlineData("--listen: 'nonsense' is not an address", "IP:PORT", "--listen", "nonsense")]
    [InlineData("--tls-cert: a certificate and its key belong together", "--tls-key", "--tls-cert", "cert.pem")]
    [InlineData("--tls-cert: none.pem cannot be read: there is no such file", "PEM", "--tls-cert", "none.pem", "--tls-key", "none.key")]
    [InlineData("--admin: 0.0.0.0:1 is not loopback", "127.0.0.0/8", "--admin", "0.0.0.0:1")]
    [InlineData("--shards: '1000' is not a number from 0 to 256", "give one", "--shards", "1000")]
    [InlineData("--gather: 'fast' is not a number from 1 to 1000", "give one", "--gather", "fast")]
    [InlineData("--max-connections: '0' is not a number from 1", "give one", "--max-connections", "0")]
    [InlineData("--handshake-timeout: '121' is not a number", "1 to 120", "--handshake-timeout", "121")]
    [InlineData("--client-rate: '1000' is not a number from 1024", "give one", "--client-rate", "1000")]
    [InlineData("--client-burst: '65567' is not a number from 65568", "give one", "--client-rate", "2000", "--client-burst", "65567")]
    [InlineData("--tenant-burst: a burst without a rate", "--tenant-rate", "--tenant-burst", "70000")]
    [InlineData("--accept-rate: 'fast' is not a number", "give one", "--accept-rate", "fast")]
    [InlineData("--memory: '3' is not a number from 4", "give one", "--memory", "3")]
    [InlineData("--drain-to: 'home' is no region", "901/901b", "--drain-to", "home")]
    [InlineData("--drain-timeout: '3601' is not a number from 0", "3600", "--drain-timeout", "3601")]
    [InlineData("--path: '/healthz' is a page of the relay's", "/derp", "--path", "/healthz")]
    [InlineData("--trusted-proxy: '010.0.0.0/8' is no address or range", "10.0.0.0/8", "--trusted-proxy", "010.0.0.0/8")]
    [InlineData("--key-file: / cannot be read or made: it is a directory", "give a path", "--key-file", "/")]
    [InlineData("--mesh-key-file: / is no mesh key: it is a directory", "64 hexadecimal digits", "--mesh-key-file", "/")]
    [InlineData("--admin-secret-file: none.txt cannot be read: there is no such file", "give a file", "--admin-secret-file", "none.txt")]
    [InlineData("--admission: / is a directory", "give a file", "--admission", "file:/")]
    [InlineData("--admission: none.json cannot be read: there is no such file", "give a file", "--admission", "token:none.json")]
    [InlineData("--listen: port 0 is another one at each start", "give the port", "--listen", "127.0.0.1:0", "--print-map")]
    [InlineData("--stun-discovery: 'maybe' is neither on nor off", "give on or off", "--stun-discovery", "maybe")]
    [InlineData("--lisen", "--listen", "--lisen", "127.0.0.1:0")]
    public async Task A_bad_option_is_one_sentence_and_exit_code_2(string problem, string remedy, params string[] arguments)
    {
        (int code, string output, string error) = await RunAsync(arguments);

        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Contains(problem, error, StringComparison.Ordinal);
        Assert.Contains(remedy, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named_with_its_option()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();

        (int code, _, string error) = await RunAsync("--listen", taken.LocalEndpoint.ToString()!, "--stun", "off", "--admin", "127.0.0.1:0");

        Assert.Equal(2, code);
        Assert.Contains($"--listen: cannot listen on tcp://{taken.LocalEndpoint}: something listens there already", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_map_that_is_good_for_this_moment_only_is_called_so()
    {
        (int code, _, string advice) = await RunAsync("--print-map");

        Assert.Equal(0, code);
        Assert.Contains("about this map: it pins a certificate that is gone at the next start: give --key-file", advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false, "--stun-discovery", "off")]
    public async Task Stun_answers_at_the_next_port_too_unless_it_is_told_not_to(bool answers, params string[] arguments)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. (string[])["--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--admin", "127.0.0.1:0"], .. arguments]);
        IPEndPoint stun = IPEndPoint.Parse(relay.Stun!);
        using UdpClient client = new(AddressFamily.InterNetwork);
        client.Connect(stun.Address, stun.Port + 1);

        await client.SendAsync(Convert.FromHexString("000100002112a442" + "0102030405060708090a0b0c")); // A binding request.

        if (answers) Assert.Equal(0x01, (await client.ReceiveAsync().WaitAsync(Patience)).Buffer[0]);
        else await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync().WaitAsync(Patience)); // Nobody listens there.
    }

    [Fact]
    public async Task The_map_pins_the_certificate_that_is_kept_beside_the_key_file()
    {
        string keyFile = Path.Combine(_directory, "key.json");
        string[] options = ["--listen", "127.0.0.1:0", "--stun", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--key-file", keyFile];
        (int code, string map, string advice) = await RunAsync("--listen", "127.0.0.1:9", "--key-file", keyFile, "--print-map");
        Assert.Equal(0, code);
        Assert.Empty(advice);
        string pin = JsonDocument.Parse(map).RootElement.GetProperty("Regions").GetProperty("900").GetProperty("Nodes")[0].GetProperty("CertName").GetString()!;

        await using RunningRelay relay = await RunningRelay.StartAsync(options);
        (_, string served) = await relay.OpenTlsAsync();

        Assert.Equal(pin, $"sha256-raw:{served}");
        foreach (string file in (string[])[keyFile, keyFile + ".tls.pem"])
        {
            if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        }

        Assert.Equal(relay.PublicKey, KeyFile.ReadOrCreate(keyFile).PublicKey.ToHex());
    }

    [Fact]
    public void A_key_file_of_derpers_is_read_and_another_file_refused()
    {
        string path = Path.Combine(_directory, "derper.key");
        File.WriteAllText(path, "{\n\t\"PrivateKey\": \"privkey:5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb\"\n}\n");

        Assert.Equal("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f", KeyFile.ReadOrCreate(path).PublicKey.ToHex());

        foreach (string wrong in (string[])["", "{}", "[]", "{\"PrivateKey\": 5}", "{\"PrivateKey\": \"privkey:12\"}", "{\"PrivateKey\": \"privkey:zz" + new string('0', 62) + "\"}"])
        {
            File.WriteAllText(path, wrong);
            Assert.Throws<FormatException>(() => KeyFile.ReadOrCreate(path));
        }
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("2")]
    public async Task Clients_exchange_packets_over_TLS_and_plain_and_the_same_ports_are_the_web(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync("--shards", shards, "--listen", "127.0.0.1:0", "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0");
        using TestClient alice = await TestClient.LogInAsync((await relay.OpenTlsAsync()).Stream, 1);
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        Assert.Equal(relay.PublicKey, alice.ServerKey.ToHex());

        foreach (int length in (int[])[0, 1, 1400, 65536])
        {
            byte[] packet = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            await alice.SendAsync(bob.Key, packet);
            (FrameType type, byte[] body) = await bob.ReceiveAsync();
            Assert.Equal(FrameType.RecvPacket, type);
            Assert.Equal(alice.Key, new NodeKey(body.AsSpan(0, 32)));
            Assert.Equal(packet, body[32..]);
        }

        using HttpClientHandler handler = new() { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        using HttpClient web = new(handler);
        foreach (string origin in (string[])[$"https://{relay.Tls}", $"http://{relay.Plain}"])
        {
            foreach (string page in (string[])["/derp/probe", "/derp/latency-check"])
            {
                using HttpResponseMessage probe = await web.GetAsync(new Uri(origin + page));
                Assert.Equal((HttpStatusCode.OK, "*"), (probe.StatusCode, probe.Headers.GetValues("Access-Control-Allow-Origin").Single()));
                Assert.Empty(await probe.Content.ReadAsStringAsync());
                Assert.Equal(HttpStatusCode.MethodNotAllowed, (await web.PostAsync(new Uri(origin + page), null)).StatusCode);
            }

            using HttpRequestMessage request = new(HttpMethod.Get, origin + "/generate_204");
            request.Headers.Add("X-Tailscale-Challenge", "ts_1.2:x");
            using HttpResponseMessage portal = await web.SendAsync(request);
            Assert.Equal((HttpStatusCode.NoContent, "response ts_1.2:x"), (portal.StatusCode, portal.Headers.GetValues("X-Tailscale-Response").Single()));
            Assert.Equal(HttpStatusCode.UpgradeRequired, (await web.GetAsync(new Uri(origin + "/derp"))).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await web.GetAsync(new Uri(origin + "/healthz"))).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await web.GetAsync(new Uri(origin + "/metrics"))).StatusCode); // The operator's alone.
        }

        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));
        Assert.Contains("relay_packets_total{network_io_direction=\"out\"} 4", metrics, StringComparison.Ordinal);
        Assert.Equal("ready\n", await web.GetStringAsync(new Uri($"http://{relay.Admin}/readyz")));
        Assert.True(await relay.StopAsync() < TimeSpan.FromSeconds(5));
        Assert.Equal(0, relay.ExitCode);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("2")]
    public async Task A_client_that_stops_reading_costs_nobody_else_a_packet(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync("--shards", shards, "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0");
        using TestClient sender = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        using TestClient stalled = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        using TestClient healthy = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 3);

        for (int i = 0; i < 2000; i++)
        {
            await sender.SendAsync(stalled.Key, new byte[8000]);
            await sender.SendAsync(healthy.Key, BitConverter.GetBytes(i));
            (_, byte[] body) = await healthy.ReceiveAsync();
            Assert.Equal(i, BitConverter.ToInt32(body, 32));
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using Process process = RunningRelay.Launch(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Patience);
        return (process.ExitCode, await output, await error);
    }
}
