using System.Diagnostics;
using System.Net.NetworkInformation;
using System.Text;
using Addresses;
using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Facade;

/// <summary>A relay that wants tokens, and nodes that have some.</summary>
public sealed class RelayTokenTests : IDisposable
{
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(60));
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-token-").FullName;

    public void Dispose()
    {
        _patience.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Nodes_with_tokens_reach_each_other_and_one_gets_in_with_the_token_it_is_given_later()
    {
        string key = Path.Combine(_directory, "sign.pem"), keySet = Path.Combine(_directory, "keys.json");
        await RelayServerAsync("token", "issue", "--create-key", "--signing-key", key, "--key-set", keySet);
        string left = await IssueAsync(key, 1), right = await IssueAsync(key, 2);
        await using TestRelay relay = await TestRelay.StartAsync("--admission", $"token:{keySet}");
        string? shown = "not.a.token";
        await using TraversalNode one = await StartAsync(1, relay.Map, () => left);
        await using TraversalNode other = await StartAsync(2, relay.Map, () => shown);
        TraversalPeer toOther = one.AddPeer(new TraversalPeerOptions { PublicKey = other.PublicKey });
        TraversalPeer toOne = other.AddPeer(new TraversalPeerOptions { PublicKey = one.PublicKey });
        Task<byte[]> received = toOne.ReceiveAsync(_patience.Token).AsTask();
        while (one.GetStatus().Self.HomeRelay is null) await Task.Delay(20, _patience.Token);
        Assert.Null(other.GetStatus().Self.HomeRelay);

        shown = right;
        while (!received.IsCompleted)
        {
            toOther.Send(Encoding.UTF8.GetBytes("hello"));
            await Task.Delay(50, _patience.Token);
        }

        Assert.Equal("hello", Encoding.UTF8.GetString(await received));
    }

    [Fact]
    public async Task A_new_token_takes_the_place_of_the_one_before_without_a_new_login()
    {
        string key = Path.Combine(_directory, "sign.pem"), keySet = Path.Combine(_directory, "keys.json"), revoked = Path.Combine(_directory, "revoked");
        File.WriteAllText(revoked, "");
        await RelayServerAsync("token", "issue", "--create-key", "--signing-key", key, "--key-set", keySet);
        string first = await IssueAsync(key, 1, "--id", "first"), second = await IssueAsync(key, 1, "--id", "second"), right = await IssueAsync(key, 2);
        await using TestRelay relay = await TestRelay.StartAsync("--admission", $"token:{keySet}", "--token-revoked", revoked);
        string shown = first;
        await using TraversalNode one = await StartAsync(1, relay.Map, () => shown);
        await using TraversalNode other = await StartAsync(2, relay.Map, () => right);
        TraversalPeer toOther = one.AddPeer(new TraversalPeerOptions { PublicKey = other.PublicKey });
        TraversalPeer toOne = other.AddPeer(new TraversalPeerOptions { PublicKey = one.PublicKey });
        await SendUntilReceivedAsync(toOther, toOne, 1);

        shown = second;
        one.RenewRelayToken();
        await SendUntilReceivedAsync(toOther, toOne, 2); // Behind the token on the same connection.
        File.WriteAllText(revoked, "first\n");
        while (await MetricAsync(relay, "relay_reloads_total", "revoked_tokens", "taken") == 0) await Task.Delay(100, _patience.Token);
        await SendUntilReceivedAsync(toOther, toOne, 3);

        Assert.Equal(2, await MetricAsync(relay, "relay_logins_total", "token")); // Once each.
        File.WriteAllText(revoked, "first\nsecond\n"); // It is this one that holds the connection now.
        while (await MetricAsync(relay, "relay_connections_closed_total", "admission_ended") == 0) await Task.Delay(100, _patience.Token);
    }

    /// <summary>What the relay tells of a series, whatever the order of its labels.</summary>
    private async Task<long> MetricAsync(TestRelay relay, string name, params string[] labels)
    {
        using HttpClient web = new();
        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"), _patience.Token);
        string? line = metrics.Split('\n').SingleOrDefault(line => line.StartsWith(name + "{", StringComparison.Ordinal) && labels.All(label => line.Contains($"=\"{label}\"", StringComparison.Ordinal)));
        return line is null ? 0 : long.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture); // Some are told from the first on only.
    }

    private async Task SendUntilReceivedAsync(TraversalPeer from, TraversalPeer to, byte mark)
    {
        while (true)
        {
            Task<byte[]> received = to.ReceiveAsync(_patience.Token).AsTask();
            while (!received.IsCompleted)
            {
                from.Send([mark]);
                await Task.WhenAny(received, Task.Delay(50, _patience.Token));
            }

            if ((await received)[0] == mark) return; // Else one of those before.
        }
    }

    private static Task<string> IssueAsync(string key, byte seed, params string[] more) => RelayServerAsync(["token", "issue", "--signing-key", key, "--node-key", CoreTesting.Keys(seed).PublicKey.ToBase64(), .. more]);

    private static async Task<string> RelayServerAsync(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "relay-server.dll"), .. arguments]) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return output.Trim();
    }

    /// <summary>A node that knows no address of its own, so that all goes by relay.</summary>
    private static Task<TraversalNode> StartAsync(byte seed, RelayMap map, Func<string?> token) => TraversalNode.StartAsync(new TraversalNodeOptions
    {
        PrivateKey = CoreTesting.Keys(seed),
        RelayMap = map,
        RelayToken = token,
        TunnelAddresses = [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(own => TransportAddress.From(own.Address, 0))],
    });
}
