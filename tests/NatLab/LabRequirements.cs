namespace NatLab;

/// <summary>What a lab needs of the machine it runs on.</summary>
public static class LabRequirements
{
    private static readonly string[] LabPrograms = ["ip", "nft", "ping"];
    private static readonly Lazy<string?> Lab = new(() => MissingForLab(LabPrograms));
    private static readonly Lazy<string?> Tunnel = new(() => Lab.Value ?? MissingPrograms(LabWireGuard.Programs) ?? MissingForWireGuard());

    /// <summary>Why there can be no lab here, or null if there can.</summary>
    public static string? MissingForNetworks => Lab.Value;

    /// <summary>Why there can be no WireGuard tunnel in a lab here, or null if there can.</summary>
    public static string? MissingForTunnels => Tunnel.Value;

    /// <summary>Why there can be no lab here with these programs besides, or null if there can.</summary>
    public static string? MissingForNetworksWith(params string[] programs) => Lab.Value ?? MissingPrograms(programs);

    private static string? MissingForLab(string[] programs)
    {
        if (!OperatingSystem.IsLinux()) return "network namespaces need Linux";
        if (!Environment.IsPrivilegedProcess) return "network namespaces need root";

        return MissingPrograms(programs) ?? RefusedByKernel();
    }

    private static string? MissingPrograms(string[] programs)
    {
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string[] missing = [.. programs.Where(program => !directories.Any(directory => File.Exists(Path.Combine(directory, program))))];
        return missing.Length == 0 ? null : $"not installed: {string.Join(", ", missing)} (scripts/install-dependencies.sh)";
    }

    private static string? MissingForWireGuard()
    {
        if (LabWireGuard.IsKernel) return Directory.Exists("/sys/module/wireguard") ? null : "the kernel has no WireGuard (modprobe wireguard)";
        return File.Exists("/dev/net/tun") ? null : "there is no /dev/net/tun";
    }

    /// <summary>A container may be root and still not be allowed namespaces, so one is made and removed.</summary>
    private static string? RefusedByKernel()
    {
        try
        {
            using LabClaim claim = LabClaim.Take();
            NetworkNamespace probe = new($"{claim.Name}-probe", new Dictionary<string, string>());
            Task.Run(async () =>
            {
                await Command.RunAsync(["ip", "netns", "add", probe.Name]);
                await probe.NftAsync("table inet probe {\n}\n");
            }).GetAwaiter().GetResult();
            return null;
        }
        catch (Exception e) when (e is LabException or IOException or UnauthorizedAccessException)
        {
            return $"the kernel refuses network namespaces or nftables: {e.Message}";
        }
    }
}
