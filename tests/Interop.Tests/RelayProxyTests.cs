using System.Net;
using System.Net.Security;
using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Tests;

namespace Interop.Tests;

/// <summary>Our relay behind nginx: packets pass, and the relay knows whose the connections are.</summary>
public sealed class RelayProxyTests : IDisposable
{
    private const string Secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static readonly IPAddress Alice = IPAddress.Parse("127.0.0.9");
    private static readonly IPAddress Bob = IPAddress.Parse("127.0.0.10");

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-proxy-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Clients_behind_nginx_exchange_packets_and_are_known_by_their_own_addresses()
    {
        Needs.Programs("nginx");
        string secret = Path.Combine(_directory, "mesh.key");
        await File.WriteAllTextAsync(secret, Secret);
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen", "127.0.0.1:0", "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1", "--mesh-key-file", secret);
        await using NginxProxy nginx = await NginxProxy.StartAsync(relay.Plain, relay.Tls);
        using TestClient watcher = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 99, new ClientInfo { MeshKey = Secret });
        await watcher.SendFrameAsync(WatchConnsFrame.Bytes.ToArray());
        Assert.Equal(watcher.Key, (await NextPresentAsync(watcher)).Key);

        // By HTTP, with an upgrade to DERP, and X-Forwarded-For.
        using TestClient alice = await TestClient.LogInAsync(await NginxProxy.ConnectAsync(nginx.Http, Alice), 1);
        Assert.Equal((alice.Key, $"{Alice}"), await NextPresentAsync(watcher));

        // By bytes, TLS to the relay itself, and a PROXY header in front of it.
        SslStream tls = new(await NginxProxy.ConnectAsync(nginx.Stream, Bob));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null });
        using TestClient bob = await TestClient.LogInAsync(tls, 2);
        Assert.Equal((bob.Key, $"{Bob}"), await NextPresentAsync(watcher));

        foreach (int length in (int[])[0, 1, 1400, 65536])
        {
            byte[] packet = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            await alice.SendAsync(bob.Key, packet);
            byte[] received = (await bob.ReceiveAsync()).Body;
            Assert.Equal(packet, received[NodeKey.Length..]);
            await bob.SendAsync(alice.Key, packet);
            received = (await alice.ReceiveAsync()).Body;
            Assert.Equal(packet, received[NodeKey.Length..]);
        }
    }

    [Fact]
    public async Task What_a_prober_asks_is_answered_through_nginx_too()
    {
        Needs.Programs("nginx");
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen", "127.0.0.1:0", "--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1");
        await using NginxProxy nginx = await NginxProxy.StartAsync(relay.Plain, relay.Tls);
        using HttpClient web = new();

        using HttpResponseMessage probe = await web.GetAsync(new Uri($"http://{nginx.Http}/derp/latency-check"));
        Assert.Equal((HttpStatusCode.OK, "*"), (probe.StatusCode, probe.Headers.GetValues("Access-Control-Allow-Origin").Single()));
        Assert.Equal(HttpStatusCode.NoContent, (await web.GetAsync(new Uri($"http://{nginx.Http}/generate_204"))).StatusCode);
        Assert.Equal(HttpStatusCode.UpgradeRequired, (await web.GetAsync(new Uri($"http://{nginx.Http}/derp"))).StatusCode);
    }

    private static async Task<(NodeKey Key, string Address)> NextPresentAsync(TestClient watcher)
    {
        (FrameType type, byte[] body) = await watcher.ReceiveAsync();
        Assert.Equal(FrameType.PeerPresent, type);
        Assert.True(PeerPresentFrame.TryRead(body, out NodeKey key, out TransportAddress address, out _));
        return (key, address.ToIPAddress().ToString());
    }
}
