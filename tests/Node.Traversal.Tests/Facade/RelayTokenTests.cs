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

    private static Task<string> IssueAsync(string key, byte seed) => RelayServerAsync("token", "issue", "--signing-key", key, "--node-key", CoreTesting.Keys(seed).PublicKey.ToBase64());

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
