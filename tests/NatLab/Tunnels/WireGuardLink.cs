namespace NatLab;

/// <summary>
/// An unmodified <c>wireguard-go</c> on a host, configured from an ordinary wg-quick file as <c>wg-quick</c> would: addresses, routes, and the
/// mark and rules of a full tunnel.
/// </summary>
public sealed class WireGuardLink
{
    private const string ControlDirectory = "/var/run/wireguard";
    private const int FullTunnelMark = 51820; // What wg-quick takes, for the mark and for its routing table.
    private const int Mtu = 1420;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    private readonly LabHost _host;
    private readonly string _files;
    private LabProcess? _process;

    internal WireGuardLink(LabHost host, string name, string files)
    {
        _host = host;
        _files = files;
        Name = name;
    }

    /// <summary>The interface. Its control socket is a file that all namespaces share, so the name is the lab's own.</summary>
    public string Name { get; }

    /// <summary>The wg-quick file, for programs that read one.</summary>
    public string ConfigFile => Path.Combine(_files, $"{Name}.conf");

    /// <summary>Starts the program and configures the interface.</summary>
    public async Task StartAsync(WireGuardPlan plan)
    {
        WriteConfig(plan);
        string socket = Path.Combine(ControlDirectory, $"{Name}.sock");
        // One left by a killed program would be taken for a running one. The folder is the first program's to make.
        if (File.Exists(socket)) File.Delete(socket);
        _process = _host.Start(["wireguard-go", "-f", Name], new Dictionary<string, string> { ["WG_PROCESS_FOREGROUND"] = "1", ["LOG_LEVEL"] = "error" });
        await WaitForAsync(socket, _process);

        await ConfigureAsync("setconf", plan);
        await _host.Namespace.IpAsync([
            .. plan.Addresses.Select(address => $"addr add {address} dev {Name}"),
            $"link set dev {Name} mtu {Mtu} up",
        ]);
        if (plan.IsFullTunnel) await RouteEverythingAsync();
        else await RouteAsync(plan);
    }

    /// <summary>Ends the program, and with it the interface.</summary>
    public Task StopAsync() => _process?.StopAsync() ?? Task.CompletedTask;

    /// <summary>Brings file and interface to a new plan, as <c>wg syncconf</c> does: peers that stay are not disturbed.</summary>
    public async Task SyncAsync(WireGuardPlan plan)
    {
        await ConfigureAsync("syncconf", plan);
        await RouteAsync(plan);
        WriteConfig(plan);
    }

    /// <summary>Writes the wg-quick file anew, as its owner does with an editor.</summary>
    public void WriteConfig(WireGuardPlan plan)
    {
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
        using StreamWriter writer = new(ConfigFile, options);
        writer.Write(plan.WgQuick);
    }

    /// <summary>What <c>wg show</c> says of the interface.</summary>
    public Task<string> ShowAsync(string what) => _host.RunAsync("wg", "show", Name, what);

    private async Task ConfigureAsync(string verb, WireGuardPlan plan)
    {
        string stripped = Path.Combine(_files, $"{Name}.stripped");
        await File.WriteAllTextAsync(stripped, plan.Stripped);
        await _host.RunAsync("wg", verb, Name, stripped);
        File.Delete(stripped);
    }

    private Task RouteAsync(WireGuardPlan plan) =>
        _host.Namespace.IpAsync(plan.Peers.SelectMany(peer => peer.AllowedIps).Select(prefix => $"route replace {prefix} dev {Name}"));

    private async Task RouteEverythingAsync()
    {
        await _host.RunAsync("wg", "set", Name, "fwmark", $"{FullTunnelMark}");
        foreach ((string family, string all) in new[] { ("-4", "0.0.0.0/0"), ("-6", "::/0") })
        {
            await _host.RunAsync("ip", family, "route", "add", all, "dev", Name, "table", $"{FullTunnelMark}");
            await _host.RunAsync("ip", family, "rule", "add", "not", "fwmark", $"{FullTunnelMark}", "table", $"{FullTunnelMark}");
            await _host.RunAsync("ip", family, "rule", "add", "table", "main", "suppress_prefixlength", "0");
        }
    }

    private static async Task WaitForAsync(string socket, LabProcess process)
    {
        using CancellationTokenSource deadline = new(StartTimeout);
        while (!File.Exists(socket))
        {
            if (process.HasExited || deadline.IsCancellationRequested) throw new LabException($"{process.Name} has no {socket}:\n{process.Tail()}");
            await Task.Delay(PollInterval);
        }
    }
}
