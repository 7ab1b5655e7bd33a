using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NatLab;

/// <summary>One network namespace of a lab: a machine with interfaces, routes and rules of its own.</summary>
public sealed class NetworkNamespace
{
    private const string NamespaceDirectory = "/run/netns";

    private static readonly TimeSpan RouteTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PingSlack = TimeSpan.FromMilliseconds(20);

    private readonly IReadOnlyDictionary<string, string> _environment;

    internal NetworkNamespace(string name, IReadOnlyDictionary<string, string> environment)
    {
        Name = name;
        _environment = environment;
    }

    public string Name { get; }

    /// <summary>Runs a command inside, to its end.</summary>
    /// <exception cref="LabException">It failed or took too long.</exception>
    public Task<string> RunAsync(params string[] command) => Command.RunAsync(Inside(command));

    /// <summary>Runs a command inside and returns how it ended, whatever its exit code.</summary>
    public Task<CommandResult> TryRunAsync(IReadOnlyList<string> command, TimeSpan? timeout = null) =>
        Command.TryRunAsync(Inside(command), timeout: timeout, environment: _environment);

    /// <summary>Runs lines of <c>ip</c> inside, all in one process; the first that fails ends it.</summary>
    public Task IpAsync(params IEnumerable<string> lines) => Command.RunAsync(["ip", "-n", Name, "-batch", "-"], string.Join('\n', lines) + "\n");

    /// <summary>Loads an nftables script inside, whole or not at all.</summary>
    public Task NftAsync(string script) => Command.RunAsync(Inside(["nft", "-f", "-"]), script);

    /// <summary>Has the programs that start inside from now on ask this name server.</summary>
    internal void UseNameServer(string address)
    {
        string directory = Path.Combine(LabRemains.ConfigurationDirectory, Name);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "resolv.conf"), $"nameserver {address}\n");
    }

    /// <summary>Starts a program inside that runs until it is stopped, marked as one of this lab's.</summary>
    public LabProcess Start(string name, IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        Dictionary<string, string> marked = new(_environment);
        foreach ((string key, string value) in environment ?? new Dictionary<string, string>()) marked[key] = value;
        return LabProcess.Start(name, Inside(command), marked);
    }

    /// <summary>
    /// Runs code on a thread that lives in this namespace. A socket made there stays there, and may be used from anywhere afterwards;
    /// so do files under /proc/sys/net.
    /// </summary>
    public T Enter<T>(Func<T> action)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                using SafeFileHandle descriptor = File.OpenHandle($"{NamespaceDirectory}/{Name}");
                if (NativeMethods.SetNamespace(descriptor, NativeMethods.CloneNewNet) != 0)
                    throw new LabException($"setns to {Name}: errno {Marshal.GetLastPInvokeError()}");
                result = action();
            }
#pragma warning disable CA1031 // Whatever it is, it is thrown again on the caller's thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join(); // The thread ends here, so that it never returns to a pool in the wrong namespace.
        failure?.Throw();
        return result;
    }

    /// <summary>
    /// Waits until packets really pass to <paramref name="address"/> and back. A link that was just set up drops them until the kernel has noticed
    /// its carrier, and a router asks no IPv6 neighbour while its own link-local address is tentative.
    /// </summary>
    /// <param name="address">Where to.</param>
    /// <param name="roundTrip">How long an answer takes to come.</param>
    internal async Task WaitForRouteAsync(string address, TimeSpan roundTrip = default)
    {
        long start = Stopwatch.GetTimestamp();
        string patience = (roundTrip + PingSlack).TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
        while (await TryRunAsync(["ping", "-n", "-c", "1", "-W", patience, address]) is { ExitCode: not 0 } failed)
        {
            if (Stopwatch.GetElapsedTime(start) > RouteTimeout) throw new LabException($"{Name} does not reach {address}: {failed.Output}{failed.Error}");
        }
    }

    /// <summary>Waits until a program listens on a UDP port here.</summary>
    internal async Task WaitForUdpAsync(int port, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        string ending = $":{port:X4}";
        while (!Enter(() => File.ReadLines("/proc/thread-self/net/udp").Any(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].EndsWith(ending, StringComparison.Ordinal))))
        {
            if (Stopwatch.GetElapsedTime(start) > timeout) throw new LabException($"{Name}: nobody listens on UDP port {port} after {timeout.TotalSeconds:0} s");
            await Task.Delay(20);
        }
    }

    /// <summary>Makes a lost question for a neighbour's link address cost 20 ms instead of a second, on every interface there is by now.</summary>
    internal void AskNeighboursOften() => Enter(() =>
    {
        string[] families = ["/proc/sys/net/ipv4/neigh", "/proc/sys/net/ipv6/neigh"];
        foreach (string interfaceDirectory in families.SelectMany(Directory.EnumerateDirectories))
            File.WriteAllText(Path.Combine(interfaceDirectory, "retrans_time_ms"), "20");
        return true;
    });

    internal void WriteSysctls(params IEnumerable<(string Name, string Value)> settings) => Enter(() =>
    {
        foreach ((string name, string value) in settings) File.WriteAllText($"/proc/sys/net/{name}", value);
        return true;
    });

    private string[] Inside(IEnumerable<string> command) => ["ip", "netns", "exec", Name, .. command];
}
