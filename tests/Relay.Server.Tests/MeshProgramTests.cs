using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Region;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests;

/// <summary>Two relays of one region, each dialling the other: one trusts the other's authority, the other a pin.</summary>
public sealed class MeshProgramTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-mesh-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Clients_of_two_relays_exchange_packets_and_hear_of_each_others_leaving()
    {
        string pin = WriteFiles();
        (int first, int second) = (FreePort.Find(), FreePort.Find());
        await using RunningRelay a = await StartAsync(first, second, "--mesh-ca", At("ca.pem"));
        await using RunningRelay b = await StartAsync(second, first, "--mesh-pin", $"sha256-raw:{pin}");
        using TestClient alice = await TestClient.LogInAsync((await a.OpenTlsAsync()).Stream, 1);
        using TestClient bob = await TestClient.LogInAsync((await b.OpenTlsAsync()).Stream, 2);

        await ExchangeAsync(alice, bob);
        await ExchangeAsync(bob, alice);

        alice.Dispose();
        (FrameType type, byte[] body) = await bob.ReceiveAsync();
        while (type == FrameType.RecvPacket) (type, body) = await bob.ReceiveAsync();
        Assert.Equal((FrameType.PeerGone, alice.Key, 0), (type, new NodeKey(body.AsSpan(0, NodeKey.Length)), body[NodeKey.Length]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_mesh_key_is_read_again_on_hang_up_and_when_its_file_changes(bool byHangUp)
    {
        string pin = WriteFiles();
        File.WriteAllText(At("other.key"), new string('b', 64));
        (int first, int second) = (FreePort.Find(), FreePort.Find());
        string[] trust = ["--mesh-pin", $"sha256-raw:{pin}"];
        await using RunningRelay a = await StartAsync(first, second, trust);
        await using RunningRelay b = await StartWithKeyAsync("other.key", second, first, trust);
        using TestClient alice = await TestClient.LogInAsync((await a.OpenTlsAsync()).Stream, 1);
        using TestClient bob = await TestClient.LogInAsync((await b.OpenTlsAsync()).Stream, 2);
        await alice.SendAsync(bob.Key, RelayWorld.Disco());
        (FrameType type, byte[] body) = await alice.ReceiveAsync(); // Nobody knows bob here: the relays do not trust each other.
        Assert.Equal((FrameType.PeerGone, (byte)PeerGoneReason.NotHere), (type, body[NodeKey.Length]));

        File.WriteAllText(At("other.key"), new string('a', 64));
        if (byHangUp) b.HangUp();

        await ExchangeAsync(alice, bob);
        await ExchangeAsync(bob, alice);
    }

    [Fact]
    public async Task The_links_of_a_region_serve_one_tenant_and_know_no_other()
    {
        string pin = WriteFiles();
        (byte red1, byte red2, byte blue1, byte blue2, byte nobody) = (1, 2, 3, 4, 77);
        File.WriteAllText(At("list"), $"{Hex(red1)} red\n{Hex(red2)} red\n{Hex(blue1)} blue\n{Hex(blue2)} blue\n");
        (int first, int second) = (FreePort.Find(), FreePort.Find());
        string[] more = ["--mesh-pin", $"sha256-raw:{pin}", "--mesh-tenant", "red", "--admission", $"file:{At("list")}"];
        await using RunningRelay a = await StartAsync(first, second, more);
        await using RunningRelay b = await StartAsync(second, first, more);
        using TestClient alice = await TestClient.LogInAsync((await a.OpenTlsAsync()).Stream, red1);
        using TestClient bob = await TestClient.LogInAsync((await b.OpenTlsAsync()).Stream, red2);
        using TestClient carol = await TestClient.LogInAsync((await b.OpenTlsAsync()).Stream, blue2);
        using TestClient dave = await TestClient.LogInAsync((await a.OpenTlsAsync()).Stream, blue1);

        await ExchangeAsync(alice, bob);
        await ExchangeAsync(bob, alice);

        // To send: another tenant's key looks as one that nobody has, also to a tenant that has no links at all.
        byte[] foreign = await AskAsync(alice, RelayWorld.SendPacket(carol.Key, RelayWorld.Disco()), friend: bob.Key);
        byte[] unknown = await AskAsync(alice, RelayWorld.SendPacket(RelayWorld.Keys(nobody).PublicKey, RelayWorld.Disco()), friend: bob.Key);
        byte[] unlinked = await AskAsync(dave, RelayWorld.SendPacket(carol.Key, RelayWorld.Disco()));
        Assert.Equal([.. BytesOf(carol.Key), (byte)PeerGoneReason.NotHere], foreign);
        Assert.Equal([.. BytesOf(RelayWorld.Keys(nobody).PublicKey), (byte)PeerGoneReason.NotHere], unknown);
        Assert.Equal(foreign, unlinked);

        // To see: who holds the secret is shown one tenant's keys.
        using TestClient watcher = await TestClient.LogInAsync((await b.OpenTlsAsync()).Stream, 100, new ClientInfo { MeshKey = new string('a', 64) });
        await watcher.SendFrameAsync(WatchConnsFrame.Bytes.ToArray());
        HashSet<NodeKey> seen = [];
        for (int i = 0; i < 3; i++)
        {
            (FrameType type, byte[] body) = await watcher.ReceiveAsync();
            Assert.Equal(FrameType.PeerPresent, type);
            seen.Add(new NodeKey(body.AsSpan(0, NodeKey.Length)));
        }

        Assert.True(NodeKey.TryParse(a.PublicKey, out NodeKey neighbour));
        Assert.Equal(new HashSet<NodeKey> { bob.Key, watcher.Key, neighbour }, seen);

        // To forward and to close: the same; and no fourth key comes before these answers.
        Assert.Equal(foreign, await AskAsync(watcher, Forward(alice.Key, carol.Key)));
        Assert.Equal(unknown, await AskAsync(watcher, Forward(alice.Key, RelayWorld.Keys(nobody).PublicKey)));
        await watcher.SendFrameAsync(RelayWorld.Frame(FrameType.ClosePeer, BytesOf(carol.Key)));
        await watcher.SendAsync(bob.Key, [9]);
        byte[] received;
        do received = (await ReceivePacketAsync(bob)).Body; // Some of alice's may come late.
        while (received[^1] != 9);
        Assert.Equal(watcher.Key, new NodeKey(received.AsSpan(0, NodeKey.Length))); // The relay has read all before it.
        await carol.SendAsync(carol.Key, [7]);
        Assert.Equal([.. BytesOf(carol.Key), 7], (await carol.ReceiveAsync()).Body); // Nothing came before it.
    }

    [Theory]
    [InlineData("relay2.example.com", "relay2.example.com", 443, "relay2.example.com")]
    [InlineData("relay2.example.com:8443/10.0.0.2", "relay2.example.com", 8443, "10.0.0.2")]
    [InlineData("[2001:db8::1]:8443", "2001:db8::1", 8443, "2001:db8::1")]
    [InlineData("192.0.2.1/[2001:db8::1]", "192.0.2.1", 443, "2001:db8::1")]
    public void A_relay_is_named_by_host_port_and_another_host_to_dial(string text, string host, int port, string dialHost)
    {
        Assert.True(MeshTarget.TryParse(text, out MeshTarget? target));

        Assert.Equal(new MeshTarget(host, port, dialHost), target);
    }

    [Theory]
    [InlineData("")]
    [InlineData("relay:")]
    [InlineData("relay:0")]
    [InlineData("relay:65536")]
    [InlineData("relay:1:2")]
    [InlineData("relay/")]
    [InlineData("a/b/c")]
    [InlineData("http://relay")]
    public void Anything_else_names_no_relay(string text) => Assert.False(MeshTarget.TryParse(text, out _));

    /// <summary>Sends until one arrives: the link may still be on its way up.</summary>
    private static async Task ExchangeAsync(TestClient from, TestClient to)
    {
        using CancellationTokenSource patience = new(Patience);
        Task<(FrameType Type, byte[] Body)> receiving = ReceivePacketAsync(to);
        for (byte i = 0; !receiving.IsCompleted; i++)
        {
            patience.Token.ThrowIfCancellationRequested();
            await from.SendAsync(to.Key, [i, 2, 3]);
            await Task.WhenAny(receiving, Task.Delay(100, patience.Token));
        }

        (FrameType type, byte[] body) = await receiving;
        Assert.Equal((FrameType.RecvPacket, from.Key), (type, new NodeKey(body.AsSpan(0, NodeKey.Length))));
        Assert.Equal([2, 3], body[(NodeKey.Length + 1)..]);
    }

    /// <summary>The next packet, past what the relay says of peers that are not there yet.</summary>
    private static async Task<(FrameType Type, byte[] Body)> ReceivePacketAsync(TestClient client)
    {
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        while (type == FrameType.PeerGone) (type, body) = await client.ReceiveAsync();
        return (type, body);
    }

    /// <summary>Sends something that reaches nobody.</summary>
    /// <returns>What the relay says: the body of a PeerGone, past what a friend has sent before.</returns>
    private static async Task<byte[]> AskAsync(TestClient client, byte[] frame, NodeKey friend = default)
    {
        await client.SendFrameAsync(frame);
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        while (type == FrameType.RecvPacket && new NodeKey(body.AsSpan(0, NodeKey.Length)) == friend) (type, body) = await client.ReceiveAsync();
        Assert.Equal(FrameType.PeerGone, type);
        return body;
    }

    private static byte[] Forward(NodeKey source, NodeKey target) => RelayWorld.Frame(FrameType.ForwardPacket, [.. BytesOf(source), .. BytesOf(target), .. RelayWorld.Disco()]);

    private static byte[] BytesOf(NodeKey key)
    {
        byte[] bytes = new byte[NodeKey.Length];
        key.CopyTo(bytes);
        return bytes;
    }

    private static string Hex(byte seed) => RelayWorld.Keys(seed).PublicKey.ToHex();

    private Task<RunningRelay> StartAsync(int port, int otherPort, params string[] more) => StartWithKeyAsync("mesh.key", port, otherPort, more);

    private Task<RunningRelay> StartWithKeyAsync(string keyFile, int port, int otherPort, string[] more) => RunningRelay.StartAsync([
        "--listen", $"127.0.0.1:{port}", "--stun", "off", "--admin", "127.0.0.1:0", "--tls-cert", At("relay.pem"), "--tls-key", At("relay.key"), "--key-file", At($"{port}.json"),
        "--mesh-key-file", At(keyFile), "--mesh-with", $"localhost:{otherPort}/127.0.0.1", "--mesh-with", $"localhost:{port}/127.0.0.1", .. more]);

    /// <summary>An authority, a certificate of it for localhost, and the region's secret.</summary>
    /// <returns>The certificate's pin.</returns>
    private string WriteFiles()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using ECDsa caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest caRequest = new("CN=test authority", caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 ca = caRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(ca, now.AddDays(-1), now.AddDays(1), [1, 2, 3]);
        File.WriteAllText(At("ca.pem"), ca.ExportCertificatePem());
        File.WriteAllText(At("relay.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(At("relay.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(At("mesh.key"), new string('a', 64));
        return Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
    }

    private string At(string name) => Path.Combine(_directory, name);
}
