using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Node.Traversal.Tests.Facade;

/// <summary>A real relay-server on loopback, as built, in a process of its own.</summary>
internal sealed class TestRelay : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-test-").FullName;
    private Process? _process;

    private string[] More { get; init; } = [];

    private string KeyFile => Path.Combine(_directory, "key.json");

    public string Listen { get; private set; } = "127.0.0.1:0";

    public string Stun { get; private set; } = "127.0.0.1:0";

    public RelayMap Map { get; private set; } = RelayMap.Empty;

    /// <summary>Where its operator's pages are.</summary>
    public string Admin { get; private set; } = "";

    /// <summary>Completes with its exit code when the process ends.</summary>
    public async Task<int> ExitAsync()
    {
        await _process!.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <param name="more">Further options of the program.</param>
    public static async Task<TestRelay> StartAsync(params string[] more)
    {
        TestRelay relay = new() { More = more };
        await relay.RestartAsync();
        return relay;
    }

    /// <summary>Starts one on a port that others must know beforehand.</summary>
    /// <param name="port">The port.</param>
    /// <param name="more">Further options of the program; with a certificate of its own it prints no map.</param>
    public static async Task<TestRelay> StartOnAsync(int port, params string[] more)
    {
        TestRelay relay = new() { More = more, Listen = $"127.0.0.1:{port}", Map = new RelayMap([]) };
        await relay.RestartAsync();
        return relay;
    }

    /// <summary>Starts the process; the second time on the same ports, with the same key and certificate.</summary>
    public async Task RestartAsync()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "relay-server.dll");
        ProcessStartInfo start = new("dotnet", [program, "--listen", Listen, "--stun", Stun, "--admin", "127.0.0.1:0", "--key-file", KeyFile, .. More])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        StringBuilder log = new();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (log) log.AppendLine(line.Data);
        };
        _process.BeginErrorReadLine();

        string ready = await _process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(30)) ?? throw new InvalidOperationException($"relay-server did not start: {log}");
        string[] listen = [.. JsonDocument.Parse(ready).RootElement.GetProperty("listen").EnumerateArray().Select(url => url.GetString()!)];
        Listen = listen.First(url => url.StartsWith("tcp://", StringComparison.Ordinal))["tcp://".Length..];
        Admin = listen.Last(url => url.StartsWith("tcp://", StringComparison.Ordinal))["tcp://".Length..];
        Stun = listen.First(url => url.StartsWith("udp://", StringComparison.Ordinal))["udp://".Length..];
        for (int i = 0; i < 100 && ReferenceEquals(Map, RelayMap.Empty); i++)
        {
            string text;
            lock (log) text = log.ToString();
            int from = text.IndexOf("{\n", StringComparison.Ordinal);
            int to = text.IndexOf("\n}\n", StringComparison.Ordinal);
            if (from >= 0 && to > from) Map = RelayMap.Parse(text[from..(to + 2)]);
            else await Task.Delay(20);
        }
    }

    public async Task KillAsync()
    {
        if (_process is null) return;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
