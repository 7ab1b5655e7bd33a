using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Relay.Server.Tests;

/// <summary>relay-server in a process of its own.</summary>
internal sealed partial class RunningRelay : IAsyncDisposable
{
    private const int Hangup = 1;
    private const int Terminate = 15;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string[] _tcp;
    private readonly List<string> _log;

    private RunningRelay(Process process, JsonElement ready, List<string> log)
    {
        _log = log;
        _process = process;
        _tcp = [.. ready.GetProperty("listen").EnumerateArray().Select(url => url.GetString()!).Where(url => url.StartsWith("tcp://", StringComparison.Ordinal)).Select(url => url["tcp://".Length..])];
        PublicKey = ready.GetProperty("publicKey").GetString()!;
        Stun = ready.GetProperty("listen").EnumerateArray().Select(url => url.GetString()!).FirstOrDefault(url => url.StartsWith("udp://", StringComparison.Ordinal))?["udp://".Length..];
    }

    public string PublicKey { get; }

    /// <summary>Where STUN answers; null where it is off.</summary>
    public string? Stun { get; }

    public string Tls => _tcp[0];

    public string Plain => _tcp[^2];

    /// <summary>Only where <c>--http</c> was given: it stands where the plain listener else does.</summary>
    public string Http => _tcp[^2];

    public string Admin => _tcp[^1];

    public int ExitCode => _process.ExitCode;

    public static Process Launch(IEnumerable<string> arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "relay-server.dll"), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    public static Task<RunningRelay> StartAsync(params string[] arguments) => StartAsync(Launch(arguments));

    /// <summary>Starts it with so many descriptors to use, and no more.</summary>
    public static Task<RunningRelay> StartLimitedAsync(int descriptors, params string[] arguments) => StartAsync(Process.Start(new ProcessStartInfo(
        "sh",
        ["-c", $"ulimit -n {descriptors}; exec dotnet \"$@\"", "sh", Path.Combine(AppContext.BaseDirectory, "relay-server.dll"), .. arguments])
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!);

    private static async Task<RunningRelay> StartAsync(Process process)
    {
        List<string> log = [];
        process.ErrorDataReceived += (_, line) =>
        {
            lock (log) log.Add(line.Data ?? "");
        };
        process.BeginErrorReadLine();
        string ready = await process.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? throw new InvalidOperationException("relay-server did not start.");
        return new RunningRelay(process, JsonDocument.Parse(ready).RootElement, log);
    }

    public async Task<Stream> OpenPlainAsync() => await ConnectAsync(Plain);

    /// <summary>Opens TCP and no more.</summary>
    public async Task<Stream> OpenTcpAsync(string address) => await ConnectAsync(address);

    public async Task<(Stream Stream, string Pin)> OpenTlsAsync()
    {
        SslStream tls = new(await ConnectAsync(Tls));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null });
        return (tls, Convert.ToHexStringLower(SHA256.HashData(tls.RemoteCertificate!.GetRawCertData())));
    }

    /// <summary>What it has logged so far.</summary>
    public string Log
    {
        get
        {
            lock (_log) return string.Join('\n', _log);
        }
    }

    /// <summary>Waits until it has logged something.</summary>
    public async Task LoggedAsync(string text, int times = 1)
    {
        long start = Stopwatch.GetTimestamp();
        while (Log.Split(text).Length <= times)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Patience, $"It has not logged '{text}':\n{Log}");
            await Task.Delay(20);
        }
    }

    /// <summary>Has it read its files again.</summary>
    public void HangUp() => Assert.Equal(0, Kill(_process.Id, Hangup));

    /// <summary>Sends it SIGTERM, and does not wait.</summary>
    public void Signal() => Assert.Equal(0, Kill(_process.Id, Terminate));

    /// <summary>Waits until it has ended.</summary>
    public Task ExitAsync() => _process.WaitForExitAsync().WaitAsync(Patience);

    /// <summary>Asks it to stop.</summary>
    /// <returns>How long it took.</returns>
    public async Task<TimeSpan> StopAsync()
    {
        long start = Stopwatch.GetTimestamp();
        Assert.Equal(0, Kill(_process.Id, Terminate));
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return Stopwatch.GetElapsedTime(start);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    public async Task<NetworkStream> ConnectAsync(string address)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPEndPoint.Parse(address));
        return new NetworkStream(socket, ownsSocket: true);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int processId, int signal);
}
