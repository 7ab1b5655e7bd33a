using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Addresses;
using Datagrams;

namespace Stun.Server.Tests;

/// <summary>The program as its user sees it: a process.</summary>
public sealed class ProgramTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // For a machine under load; it usually takes a third of a second.

    [Fact]
    public async Task It_says_when_it_is_ready_serves_its_pages_and_ends_well_on_sigterm()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no SIGTERM to send");
        using var program = new RunningProgram("--listen", "127.0.0.1:0", "--listen-tcp", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--threads", "2");
        string[] listen = await program.ReadyAsync();
        Assert.StartsWith("udp://127.0.0.1:", listen[0], StringComparison.Ordinal);
        Assert.StartsWith("tcp://127.0.0.1:", listen[1], StringComparison.Ordinal);
        Assert.StartsWith("tcp://127.0.0.1:", listen[2], StringComparison.Ordinal);

        using HttpClient http = Http(listen[2]);
        Assert.Equal("ok\n", await http.GetStringAsync(new Uri("/healthz", UriKind.Relative)));
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode);

        AskOver(listen[0]);
        string[] metrics = (await http.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Split('\n');
        Assert.Contains("# TYPE stun_answers_total counter", metrics);
        Assert.Single(metrics, line => line.StartsWith("stun_answers_total{", StringComparison.Ordinal)
            && line.Contains("network_transport=\"udp\"", StringComparison.Ordinal)
            && line.Contains("network_type=\"ipv4\"", StringComparison.Ordinal)
            && line.Contains("stun_answer_kind=\"success\"", StringComparison.Ordinal)
            && line.Split(' ')[1] == "1");
        foreach (string name in (string[])["stun_requests_total{", "stun_packets_dropped_total{", "stun_kernel_drops_total", "stun_prefixes_active", "stun_connections_open", "stun_connections_ended_total{"])
        {
            Assert.Contains(metrics, line => line.StartsWith(name, StringComparison.Ordinal));
        }

        program.Signal("TERM");
        Assert.Equal(0, await program.ExitCodeAsync());
    }

    [Fact]
    public async Task Prometheus_own_tool_finds_nothing_wrong_with_the_metrics()
    {
        string? promtool = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(directory => Path.Combine(directory, "promtool")).FirstOrDefault(File.Exists);
        Assert.SkipWhen(promtool is null, "promtool is not installed (scripts/install-dependencies.sh)");
        using var program = new RunningProgram("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0");
        using HttpClient http = Http((await program.ReadyAsync())[1]);
        string metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));

        using Process check = Process.Start(new ProcessStartInfo(promtool, ["check", "metrics"]) { RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true })
            ?? throw new InvalidOperationException("promtool did not start");
        await check.StandardInput.WriteAsync(metrics);
        check.StandardInput.Close();
        string said = await check.StandardOutput.ReadToEndAsync().WaitAsync(Patience) + await check.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await check.WaitForExitAsync().WaitAsync(Patience);

        Assert.True(check.ExitCode == 0, said);
    }

    [Fact]
    public async Task A_bad_option_ends_it_with_code_2_and_a_sentence_that_names_it()
    {
        using DatagramSocket taken = DatagramSocket.Bind(TransportAddress.FromIpv4(0x7f000001, 0), DatagramSocketOptions.Default);

        await AssertRefusedAsync($"--listen: cannot listen on udp://{taken.LocalAddress}: something listens there already; stop", "--listen", $"{taken.LocalAddress}");
        await AssertRefusedAsync("--listen: cannot listen on udp://192.0.2.1:3478: this host does not have that address; give", "--listen", "192.0.2.1:3478");
        await AssertRefusedAsync("--admin: cannot listen on http://192.0.2.1:80: this host does not", "--listen", "127.0.0.1:0", "--admin", "192.0.2.1:80");
        await AssertRefusedAsync("--listen: 'localhost' is not an address with a port", "--listen", "localhost");
        await AssertRefusedAsync("--lissen", "--lissen", "127.0.0.1:3478");
        await AssertRefusedAsync("--rate: '-1' is not a number from 0 to 10000000", "--rate=-1");
        await AssertRefusedAsync("--threads: '0' is not a number from 1 to 256", "--threads", "0");
    }

    [Fact]
    public async Task An_alternate_that_is_no_second_address_and_port_is_refused()
    {
        await AssertRefusedAsync("--alternate: 127.0.0.1:3479 is the address of --listen 127.0.0.1:3478; give a second address", "--listen", "127.0.0.1:3478", "--alternate", "127.0.0.1:3479");
        await AssertRefusedAsync("--alternate: 127.0.0.2:3478 has the port of --listen 127.0.0.1:3478; give a second port", "--listen", "127.0.0.1:3478", "--alternate", "127.0.0.2:3478");
        await AssertRefusedAsync("--alternate: cannot listen on udp://192.0.2.1:3479: this host does not have that address", "--listen", "127.0.0.1:0", "--alternate", "192.0.2.1:3479");
        await AssertRefusedAsync("--alternate: the first address beside 127.0.0.2:3479 is 0.0.0.0:3478", "--listen", "0.0.0.0:3478", "--alternate", "127.0.0.2:3479");
        await AssertRefusedAsync("--alternate: 0.0.0.0:3479 is all addresses", "--listen", "127.0.0.1:3478", "--alternate", "0.0.0.0:3479");
        await AssertRefusedAsync("--alternate: [::1]:3479 has no first address beside it", "--listen", "127.0.0.1:3478", "--alternate", "[::1]:3479");
    }

    [Fact]
    public async Task A_stream_that_cannot_be_listened_on_is_refused()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();

        await AssertRefusedAsync($"--listen-tcp: cannot listen on tcp://{taken.LocalEndpoint}: something listens there already", "--listen", "127.0.0.1:0", "--listen-tcp", $"{taken.LocalEndpoint}");
        await AssertRefusedAsync("--listen-tls: there is no certificate; give --tls-cert", "--listen-tls", "127.0.0.1:0");
        await AssertRefusedAsync("--tls-cert: /does/not/exist cannot be read: there is no such file", "--listen-tls", "127.0.0.1:0", "--tls-cert", "/does/not/exist", "--tls-key", "/nor/this");
        await AssertRefusedAsync("--tls-cert: nothing listens for TLS", "--tls-cert", "/does/not/exist", "--tls-key", "/nor/this");
    }

    [Fact]
    public async Task On_sighup_it_reads_its_limits_and_its_certificate_again_and_survives_a_bad_file()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there is no SIGHUP to send");
        Assert.SkipWhen(IsHangupIgnored(), "SIGHUP is ignored here, as under nohup, and so by every program started from here");
        DirectoryInfo directory = Directory.CreateTempSubdirectory("stun-test-");
        try
        {
            using var certificate = new CertificateFiles("reload.test");
            string config = Path.Combine(directory.FullName, "stun.json");
            await File.WriteAllTextAsync(config, """{ "rate": 10 }""");
            using var program = new RunningProgram(
                "--config", config, "--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0", "--tls-cert", certificate.CertificatePath, "--tls-key", certificate.KeyPath);
            await program.ReadyAsync();

            await File.WriteAllTextAsync(config, """{ "rate": 77, "connections": 5 }""");
            program.Signal("HUP");
            await program.WaitForLogAsync("Limits are now 77 requests a second of a prefix and 5 connections");
            await program.WaitForLogAsync("The certificate was read again");

            await File.WriteAllTextAsync(config, """{ "rate": "many" }""");
            program.Signal("HUP");
            await program.WaitForLogAsync($"nothing has changed: \"rate\" in {config}: 'many' is not a number");

            await File.WriteAllTextAsync(config, """{ "rate": 88 }""");
            File.Delete(certificate.KeyPath);
            program.Signal("HUP");
            await program.WaitForLogAsync("nothing has changed: Could not find file");
            Assert.DoesNotContain("Limits are now 88", program.Log, StringComparison.Ordinal);

            // While a certificate is being renewed its key may for a moment be that of another.
            using var another = new CertificateFiles("another.test");
            File.Copy(another.KeyPath, certificate.KeyPath);
            program.Signal("HUP");
            await program.WaitForLogAsync("nothing has changed: The provided key does not match");

            program.Signal("TERM");
            Assert.Equal(0, await program.ExitCodeAsync());
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task It_tells_a_service_manager_when_it_is_ready_and_when_it_stops()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "systemd is Linux's");
        string path = Path.Combine(Path.GetTempPath(), $"stun-test-{Environment.ProcessId}-{Guid.NewGuid():n}.socket");
        using var notified = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notified.Bind(new UnixDomainSocketEndPoint(path));
        try
        {
            using var program = new RunningProgram(new Dictionary<string, string> { ["NOTIFY_SOCKET"] = path }, isService: true, "--listen", "127.0.0.1:0");
            await program.ReadyAsync();
            Assert.Contains("READY=1", await NextAsync(), StringComparison.Ordinal);

            program.Signal("TERM");
            Assert.Contains("STOPPING=1", await NextAsync(), StringComparison.Ordinal);
            Assert.Equal(0, await program.ExitCodeAsync());
        }
        finally
        {
            File.Delete(path);
        }

        async Task<string> NextAsync()
        {
            byte[] buffer = new byte[1000];
            return Encoding.UTF8.GetString(buffer, 0, await notified.ReceiveAsync(buffer).WaitAsync(Patience));
        }
    }

    private static void AskOver(string url)
    {
        Assert.True(TransportAddress.TryParse(url.AsSpan("udp://".Length), out TransportAddress server));
        using DatagramSocket client = DatagramSocket.Bind(TransportAddress.FromIpv4(0x7f000001, 0), DatagramSocketOptions.Default);
        Assert.Equal(client.LocalAddress, StunServerTests.Ask(client, server));
    }

    private static HttpClient Http(string url) => new() { BaseAddress = new Uri(url.Replace("tcp:", "http:", StringComparison.Ordinal)), Timeout = Patience };

    /// <summary>A program that is started with SIGHUP ignored leaves it so.</summary>
    private static bool IsHangupIgnored()
    {
        const string Status = "/proc/self/status", Ignored = "SigIgn:";
        string? line = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Ignored, StringComparison.Ordinal)) : null;
        return line is not null && (ulong.Parse(line.AsSpan(Ignored.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) & 1) != 0;
    }

    private static async Task AssertRefusedAsync(string sentence, params string[] arguments)
    {
        using var program = new RunningProgram(arguments);
        int code = await program.ExitCodeAsync();
        string errors = program.Log;
        Assert.True(code == 2, errors);
        Assert.Contains(sentence, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n')); // One sentence, no stack trace.
    }

    /// <summary>The program, running; ended with the test at the latest.</summary>
    private sealed class RunningProgram : IDisposable
    {
        private readonly Process _process;
        private readonly StringBuilder _log = new();
        private readonly Task _reading;

        public RunningProgram(params string[] arguments)
            : this(new Dictionary<string, string>(), isService: false, arguments)
        {
        }

        /// <param name="environment">Variables beside those of the test.</param>
        /// <param name="isService">Starts it by a shell that is called systemd and hands on SIGTERM: by the name of its parent it knows that it is a service.</param>
        /// <param name="arguments">Its command line.</param>
        public RunningProgram(IReadOnlyDictionary<string, string> environment, bool isService, params string[] arguments)
        {
            string[] command = ["dotnet", "exec", Path.Combine(AppContext.BaseDirectory, "stun-server.dll"), .. arguments];
            if (isService) command = [ServiceManager(), "-c", "trap 'kill -TERM $child' TERM; \"$@\" & child=$!; wait $child; wait $child", "sh", .. command];
            var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach ((string name, string value) in environment) start.Environment[name] = value;
            _process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
            _reading = ReadLogAsync();
        }

        public string Log
        {
            get { lock (_log) return _log.ToString(); }
        }

        /// <summary>Waits for the line that says it is ready, and returns where it listens.</summary>
        public async Task<string[]> ReadyAsync()
        {
            string line = await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? throw new InvalidOperationException(Log);
            using JsonDocument ready = JsonDocument.Parse(line);
            Assert.True(ready.RootElement.GetProperty("ready").GetBoolean());
            return [.. ready.RootElement.GetProperty("listen").EnumerateArray().Select(item => item.GetString() ?? "")];
        }

        public void Signal(string name)
        {
            using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
            kill.WaitForExit();
        }

        public async Task WaitForLogAsync(string text)
        {
            for (long deadline = Environment.TickCount64 + (long)Patience.TotalMilliseconds; Environment.TickCount64 < deadline; await Task.Delay(20))
            {
                if (Log.Contains(text, StringComparison.Ordinal)) return;
            }

            Assert.Fail($"It did not say '{text}' but:\n{Log}");
        }

        public async Task<int> ExitCodeAsync()
        {
            await _process.WaitForExitAsync().WaitAsync(Patience);
            await _reading.WaitAsync(Patience);
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited) _process.Kill(entireProcessTree: true);
            _process.Dispose();
        }

        private static string ServiceManager()
        {
            string path = Path.Combine(AppContext.BaseDirectory, "systemd");
            if (!File.Exists(path)) File.CreateSymbolicLink(path, "/bin/sh");
            return path;
        }

        private async Task ReadLogAsync()
        {
            while (await _process.StandardError.ReadLineAsync() is { } line)
            {
                lock (_log) _log.AppendLine(line);
            }
        }
    }
}
