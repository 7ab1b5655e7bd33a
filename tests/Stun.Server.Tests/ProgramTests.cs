using System.Diagnostics;
using System.Net;
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
        using Process program = Start("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0");
        try
        {
            string line = await program.StandardOutput.ReadLineAsync().WaitAsync(Patience) ?? "";
            using JsonDocument ready = JsonDocument.Parse(line);
            string[] listen = [.. ready.RootElement.GetProperty("listen").EnumerateArray().Select(item => item.GetString() ?? "")];
            Assert.True(ready.RootElement.GetProperty("ready").GetBoolean());
            Assert.StartsWith("udp://127.0.0.1:", listen[0], StringComparison.Ordinal);
            Assert.StartsWith("tcp://127.0.0.1:", listen[1], StringComparison.Ordinal);

            using var http = new HttpClient { BaseAddress = new Uri(listen[1].Replace("tcp:", "http:", StringComparison.Ordinal)), Timeout = Patience };
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/healthz", UriKind.Relative))).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri("/readyz", UriKind.Relative))).StatusCode);
            Assert.Contains("stun_answers_total{", await http.GetStringAsync(new Uri("/metrics", UriKind.Relative)), StringComparison.Ordinal);

            using Process kill = Process.Start("kill", ["-TERM", $"{program.Id}"]);
            await program.WaitForExitAsync().WaitAsync(Patience);
            Assert.Equal(0, program.ExitCode);
        }
        finally
        {
            if (!program.HasExited) program.Kill();
        }
    }

    [Fact]
    public async Task A_bad_option_ends_it_with_code_2_and_a_sentence_that_names_it()
    {
        using DatagramSocket taken = DatagramSocket.Bind(TransportAddress.FromIpv4(0x7f000001, 0), DatagramSocketOptions.Default);

        await AssertRefusedAsync($"--listen: cannot listen on udp://{taken.LocalAddress}: another program does", "--listen", $"{taken.LocalAddress}");
        await AssertRefusedAsync("--listen: cannot listen on udp://192.0.2.1:3478: this host does not have that address", "--listen", "192.0.2.1:3478");
        await AssertRefusedAsync("--admin: cannot listen on http://192.0.2.1:80: this host does not", "--listen", "127.0.0.1:0", "--admin", "192.0.2.1:80");
        await AssertRefusedAsync("--listen: 'localhost' is not an address with a port", "--listen", "localhost");
        await AssertRefusedAsync("--lissen", "--lissen", "127.0.0.1:3478");
    }

    private static async Task AssertRefusedAsync(string sentence, params string[] arguments)
    {
        using Process program = Start(arguments);
        try
        {
            string errors = await program.StandardError.ReadToEndAsync().WaitAsync(Patience);
            await program.WaitForExitAsync().WaitAsync(Patience);
            Assert.Equal(2, program.ExitCode);
            Assert.Contains(sentence, errors, StringComparison.Ordinal);
            Assert.Single(errors.Trim().Split('\n')); // One sentence, no stack trace.
        }
        finally
        {
            if (!program.HasExited) program.Kill();
        }
    }

    private static Process Start(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "stun-server.dll");
        var start = new ProcessStartInfo("dotnet", ["exec", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        return Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
    }
}
