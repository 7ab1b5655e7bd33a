using System.Diagnostics;
using System.Text.Json;
using Addresses;
using Node.Agent.Tests.WireGuard;
using Node.Agent.WireGuard;

namespace Node.Agent.Tests;

/// <summary>The program as its users start it, beside a stand-in for WireGuard.</summary>
public sealed class ProgramTests : IDisposable
{
    private const string Map = """{"Regions": {"900": {"RegionID": 900, "RegionCode": "lab", "Nodes": [{"Name": "a", "HostName": "127.0.0.1", "IPv4": "127.0.0.1", "DERPPort": 9, "STUNPort": -1}]}}}""";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("agent").FullName;
    private readonly FakeWireGuard _wireGuard = new();
    private readonly List<Process> _started = [];
    private readonly int _numberBase = Random.Shared.Next(1 << 20) * 16;

    private int Self => _numberBase + 1;

    private int Peer => _numberBase + 2;

    private string Config => Path.Combine(_directory, "wg0.conf");

    private string Socket => Path.Combine(_directory, "wg0.sock");

    [Theory]
    [InlineData("--help", 0)]
    [InlineData("up --help", 0)]
    [InlineData("status --version", 0)]
    [InlineData("stun --help", 0)]
    [InlineData("stun", 2)]
    [InlineData("stun 127.1", 2)]
    [InlineData("stun 127.0.0.1:0", 2)]
    [InlineData("stun 127.0.0.1:port", 2)]
    [InlineData("stun ::1:x", 2)]
    [InlineData("stun a b", 2)]
    [InlineData("stun -x", 2)]
    [InlineData("stun 127.0.0.1 --tcp --tls", 2)]
    [InlineData("stun stuns:127.0.0.1 --tcp", 2)]
    [InlineData("stun 127.0.0.1 --insecure", 2)]
    [InlineData("stun 127.0.0.1 --ipv4 --ipv6", 2)]
    [InlineData("stun 127.0.0.1 --ipv6", 1)]
    [InlineData("portmap --help", 0)]
    [InlineData("portmap here", 2)]
    [InlineData("up wg0.conf --port-mapping perhaps", 2)]
    [InlineData("up wg0.conf --proxy socks5://127.0.0.1:1080", 2)]
    [InlineData("netcheck --help", 0)]
    [InlineData("netcheck", 2)]
    [InlineData("netcheck --relay-map /nowhere/map.json", 2)]
    [InlineData("netcheck --relay-map http://maps.example/", 2)]
    [InlineData("netcheck --conf /nowhere/wg0.conf", 2)]
    [InlineData("netcheck --port-mapping perhaps", 2)]
    [InlineData("netcheck --relay-map /nowhere/map.json --proxy socks5://127.0.0.1:1", 2)]
    [InlineData("", 2)]
    [InlineData("sideways", 2)]
    [InlineData("up", 2)]
    [InlineData("up /nowhere/wg0.conf", 2)]
    [InlineData("up wg0.conf --port 70000", 2)]
    [InlineData("up wg0.conf --relay-map http://maps.example/", 2)]
    [InlineData("up wg0.conf --log-level loud", 2)]
    [InlineData("up wg0.conf --advertise 203.0.113.7", 2)]
    [InlineData("up wg0.conf --advertise 224.0.0.1:5000", 2)]
    [InlineData("status --socket /nowhere/wg0.sock", 1)]
    [InlineData("status --interface no-such-wg", 1)]
    [InlineData("status --interface ../wg0", 2)]
    [InlineData("up /dev/zero", 2)]
    [InlineData("up /dev", 2)]
    public async Task The_exit_code_says_whether_it_was_told_right(string arguments, int expected)
    {
        (int code, string output, string error) = await RunAsync(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(expected, code);
        Assert.Equal(expected == 0, output.Length > 0);
        Assert.Equal(expected == 0 ? 0 : 1, error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Theory]
    [InlineData("None")] // It would say nothing any more.
    [InlineData("2")]
    public async Task Only_the_levels_that_are_told_of_are_levels(string level)
    {
        (_, _, string error) = await RunAsync("up", "wg0.conf", "--log-level", level);

        Assert.Contains($"--log-level: '{level}' is no level", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_is_ready_without_a_relay_answers_status_and_stops_tidily()
    {
        WriteFiles();
        Process up = Start("up", Config, "--socket", Socket);

        using JsonDocument ready = JsonDocument.Parse(await ReadLineAsync(up));
        Assert.True(ready.RootElement.GetProperty("ready").GetBoolean());
        Assert.StartsWith("udp://", ready.RootElement.GetProperty("listen")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal(OwnAddress, Endpoint);

        (int code, string status, _) = await RunAsync("status", "--json", "--socket", Socket);
        Assert.Equal(0, code);
        using JsonDocument json = JsonDocument.Parse(status);
        Assert.Equal(Keys.Peer(Peer).ToBase64(), json.RootElement.GetProperty("peers")[0].GetProperty("publicKey").GetString());

        long asked = Stopwatch.GetTimestamp();
        await SignalAsync(up, "TERM");
        await up.WaitForExitAsync().WaitAsync(Limit);
        Assert.Equal(0, up.ExitCode);
        Assert.InRange(Stopwatch.GetElapsedTime(asked), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.False(File.Exists(Socket));
        string log = await up.StandardError.ReadToEndAsync();
        Assert.DoesNotContain(Keys.PrivateText(Self), log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_killed_one_is_replaced_and_has_the_same_addresses()
    {
        WriteFiles();
        Process first = Start("up", Config, "--socket", Socket);
        string before = await ReadLineAsync(first);
        first.Kill();
        await first.WaitForExitAsync().WaitAsync(Limit);
        Assert.True(File.Exists(Socket));

        Process second = Start("up", Config, "--socket", Socket);

        Assert.Equal(before, await ReadLineAsync(second));
        Assert.Equal(OwnAddress, Endpoint);
    }

    [Fact]
    public async Task A_hang_up_reads_the_file_again()
    {
        WriteFiles();
        Process up = Start("up", Config, "--socket", Socket);
        await ReadLineAsync(up);
        _wireGuard.Write("wg0", Self, 51820, "off", (Peer, OwnAddress.ToString()), (Peer + 1, "(none)"));

        await File.AppendAllTextAsync(Config, $"[Peer]\nPublicKey = {Keys.Peer(Peer + 1).ToBase64()}\n");
        await SignalAsync(up, "HUP");

        TransportAddress expected = LoopbackAddresses.Of(Keys.Peer(Peer + 1), 0);
        Assert.True(SpinWait.SpinUntil(() => _wireGuard.EndpointOf("wg0", Keys.Peer(Peer + 1)) == expected, Limit));
    }

    [Fact]
    public async Task A_hang_up_while_it_starts_does_not_end_it()
    {
        WriteFiles();
        string held = _wireGuard.Hold(); // It cannot get further than to its first question to WireGuard.
        Process up = Start("up", Config, "--socket", Socket);
        Assert.True(SpinWait.SpinUntil(() => File.Exists(held), Limit));
        await SignalAsync(up, "HUP");
        _wireGuard.Release();

        await ReadLineAsync(up);

        Assert.Contains(Keys.Peer(Peer).ToBase64(), (await RunAsync("status", "--json", "--socket", Socket)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_a_setting_that_cannot_be_used()
    {
        WriteFiles();
        using System.Net.Sockets.UdpClient taken = new(0, System.Net.Sockets.AddressFamily.InterNetwork);
        int port = ((System.Net.IPEndPoint)taken.Client.LocalEndPoint!).Port;

        (int code, _, string error) = await RunAsync("up", Config, "--socket", Socket, "--port", $"{port}");

        Assert.Equal(2, code);
        Assert.Contains($"--port: cannot listen on udp://0.0.0.0:{port}: something listens there already", error, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        foreach (Process process in _started)
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        _wireGuard.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private TransportAddress OwnAddress => LoopbackAddresses.Of(Keys.Peer(Peer), 0);

    private TransportAddress Endpoint => _wireGuard.EndpointOf("wg0", Keys.Peer(Peer));

    private void WriteFiles()
    {
        File.WriteAllText(Path.Combine(_directory, "map.json"), Map);
        File.WriteAllText(Config, $"[Interface]\nPrivateKey = {Keys.PrivateText(Self)}\n#RelayMap = map.json\n[Peer]\nPublicKey = {Keys.Peer(Peer).ToBase64()}\n");
        _wireGuard.Write("wg0", Self, 51820, "off", (Peer, "(none)"));
    }

    private Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "relay-node.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(_wireGuard.Program)}:{start.Environment["PATH"]}";
        start.Environment["NODE_PORT_MAPPING"] = "off"; // A test asks this machine's gateway for nothing.
        start.Environment["STATE_DIRECTORY"] = Path.Combine(_directory, "state");
        Process process = Process.Start(start) ?? throw new InvalidOperationException("It does not start.");
        _started.Add(process);
        return process;
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        Process process = Start(arguments);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Limit);
        return (process.ExitCode, await output, await error);
    }

    private static async Task<string> ReadLineAsync(Process process)
    {
        string? line = await process.StandardOutput.ReadLineAsync().WaitAsync(Limit);
        return line ?? throw new InvalidOperationException(await process.StandardError.ReadToEndAsync());
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using Process kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(Limit);
    }
}
