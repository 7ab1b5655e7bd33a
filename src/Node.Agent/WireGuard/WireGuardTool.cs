using System.ComponentModel;
using System.Diagnostics;
using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>
/// Speaks to WireGuard, in the kernel or in userspace, through the <c>wg</c> program. No private key is ever on a command line, and
/// nothing that <c>wg</c> prints is logged but its own error messages.
/// </summary>
/// <param name="interfaceName">The interface; see <see cref="InterfaceName.IsGood"/>.</param>
/// <param name="program">The program to run.</param>
internal sealed class WireGuardTool(string interfaceName, string program = "wg")
{
    private const string UserspaceSockets = "/var/run/wireguard"; // Where every userspace WireGuard listens for wg.
    private const int NoSuchFile = 2; // ENOENT.
    private const int EndpointsPerCall = 256; // 30 KiB of arguments; a command line may have 2 MiB.
    private const int MaxArgumentLength = 100_000; // Linux takes 128 KiB for one argument: thousands of ranges.
    private const int MaxOutputLength = 16 << 20; // 4096 peers with a thousand ranges each.
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2); // It takes milliseconds; stopping must not wait for a hung one.

    /// <summary>Says whether the interface is a program's (wireguard-go) and not the kernel's.</summary>
    public bool IsUserspace => File.Exists(Path.Combine(UserspaceSockets, interfaceName + ".sock"));

    /// <summary>Reads what the interface is at.</summary>
    /// <exception cref="WireGuardToolException">There is no such interface, or no <c>wg</c>.</exception>
    public async Task<InterfaceDump> DumpAsync(CancellationToken cancellation)
    {
        string output = await RunAsync(["show", interfaceName, "dump"], cancellation);
        return InterfaceDump.Parse(output) ?? throw new WireGuardToolException($"{program} show {interfaceName} dump printed what is not understood");
    }

    /// <summary>Reads the interface's private key, for a file that has none; null while the interface has none either.</summary>
    /// <exception cref="WireGuardToolException">There is no such interface, or no <c>wg</c>.</exception>
    public async Task<NodeKeyPair?> PrivateKeyAsync(CancellationToken cancellation)
    {
        string output = await RunAsync(["show", interfaceName, "private-key"], cancellation);
        return NodeKeyPair.TryParseBase64(output.AsSpan().Trim(), out NodeKeyPair? pair) ? pair : null;
    }

    /// <summary>Sets endpoints of peers the interface has. (Of a peer it does not have, <c>wg set</c> would make one without addresses.)</summary>
    /// <exception cref="WireGuardToolException">It was refused.</exception>
    public async Task SetEndpointsAsync(IEnumerable<PeerEndpoint> endpoints, CancellationToken cancellation)
    {
        foreach (PeerEndpoint[] some in endpoints.Chunk(EndpointsPerCall))
        {
            string[] arguments = ["set", interfaceName, .. some.SelectMany(endpoint => new[] { "peer", endpoint.Peer.ToBase64(), "endpoint", endpoint.Address.ToString() })];
            await RunAsync(arguments, cancellation);
        }
    }

    /// <summary>
    /// Takes a peer out and puts it in again as it was, with an endpoint, in one step. Unlike a peer whose endpoint is set, a new one is greeted
    /// at once: wireguard-go tries to greet also where there is no endpoint, and then waits for five seconds.
    /// </summary>
    /// <exception cref="WireGuardToolException">It was refused.</exception>
    public async Task MakeAnewAsync(PeerEndpoint endpoint, UntriedPeer peer, CancellationToken cancellation)
    {
        if (peer.AllowedAddresses?.Length > MaxArgumentLength)
        {
            await SetEndpointsAsync([endpoint], cancellation);
            return;
        }

        string key = endpoint.Peer.ToBase64();
        List<string> arguments = ["set", interfaceName, "peer", key, "remove", "peer", key];
        if (peer.PresharedKey is not null) arguments.AddRange(["preshared-key", "/dev/stdin"]);
        arguments.AddRange(["endpoint", endpoint.Address.ToString()]);
        if (peer.Keepalive is { } keepalive) arguments.AddRange(["persistent-keepalive", keepalive]);
        if (peer.AllowedAddresses is { } allowed) arguments.AddRange(["allowed-ips", allowed]);
        await RunAsync([.. arguments], cancellation, peer.PresharedKey);
    }

    private async Task<string> RunAsync(string[] arguments, CancellationToken cancellation, string? input = null)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Timeout);
        using Process process = Start(arguments);
        try
        {
            if (input is not null) await process.StandardInput.WriteLineAsync(input.AsMemory(), limit.Token);
            process.StandardInput.Close(); // It never waits for a person.
            Task<string> output = ReadAsync(process.StandardOutput, limit.Token);
            Task<string> error = ReadAsync(process.StandardError, limit.Token);
            await Task.WhenAll(output, error);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? await output : throw RefusalOf(arguments[0], FirstLine(await error));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new WireGuardToolException($"{program} {arguments[0]} {interfaceName} did not end within {Timeout.TotalSeconds:0} s");
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    private Process Start(string[] arguments)
    {
        try
        {
            ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, UseShellExecute = false };
            return Process.Start(start) ?? throw new WireGuardToolException($"{program} does not start");
        }
        catch (Win32Exception exception)
        {
            bool isMissing = exception.NativeErrorCode == NoSuchFile;
            throw new WireGuardToolException(isMissing ? $"there is no program {program}" : $"{program} cannot be run: {exception.Message}") { Remedy = isMissing ? "install wireguard-tools" : null };
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken cancellation)
    {
        char[] buffer = new char[4096];
        System.Text.StringBuilder text = new();
        int read;
        while ((read = await reader.ReadAsync(buffer, cancellation)) > 0)
        {
            if (text.Length + read > MaxOutputLength) throw new WireGuardToolException("wg printed more than can be");
            text.Append(buffer, 0, read);
        }

        return text.ToString();
    }

    private WireGuardToolException RefusalOf(string command, string reason) => new($"{program} {command} {interfaceName}: {reason}")
    {
        Remedy = reason.EndsWith("Permission denied", StringComparison.Ordinal) || reason.EndsWith("Operation not permitted", StringComparison.Ordinal) ? "run as root, or with CAP_NET_ADMIN" : null,
    };

    private static string FirstLine(string text) => text.Trim().Split('\n')[0];
}

/// <summary>WireGuard refused something, or is not there.</summary>
internal sealed class WireGuardToolException(string message) : IOException(message)
{
    /// <summary>What would help, as a phrase; null where that depends on who asked.</summary>
    public string? Remedy { get; init; }
}

/// <summary>An endpoint of a peer.</summary>
/// <param name="Peer">Which peer.</param>
/// <param name="Address">Where WireGuard sends its packets.</param>
internal readonly record struct PeerEndpoint(NodeKey Peer, TransportAddress Address);
