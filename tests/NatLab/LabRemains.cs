using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace NatLab;

/// <summary>Finds and removes whatever bears a lab's name: processes, namespaces, control sockets and files.</summary>
internal static class LabRemains
{
    private const string NamespaceDirectory = "/run/netns";
    /// <summary>What is below a namespace's name here, a command inside it sees in /etc (ip-netns(8)).</summary>
    public const string ConfigurationDirectory = "/etc/netns";

    private static readonly Lock Gate = new();
    private static readonly string[] SocketDirectories = ["/var/run/wireguard", "/run/relay-node"];
    private static readonly TimeSpan DeathTimeout = TimeSpan.FromSeconds(5);

    public static string FilesOf(string lab) => Path.Combine(Path.GetTempPath(), $"natlab-{lab}");

    public static void Remove(string lab)
    {
        // An interrupted program may remove its lab while the lab removes itself, because its processes have just died.
        lock (Gate) RemoveAll(lab);
    }

    /// <summary>The processes that a lab started, by the mark in their environment, and so their children too.</summary>
    public static IReadOnlyList<int> ProcessesOf(string lab)
    {
        byte[] mark = Encoding.ASCII.GetBytes($"{LabClaim.EnvironmentMark}={lab}\0");
        return [.. Directory.EnumerateDirectories("/proc")
            .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out int id) ? id : 0)
            .Where(id => id > 0 && id != Environment.ProcessId && EnvironmentOf(id).AsSpan().IndexOf(mark) >= 0)];
    }

    private static void RemoveAll(string lab)
    {
        KillProcesses(lab);
        foreach (string path in EntriesOf(NamespaceDirectory, $"{lab}-*")) DeleteNamespace(Path.GetFileName(path));
        foreach (string path in EntriesOf(ConfigurationDirectory, $"{lab}-*")) Directory.Delete(path, recursive: true);
        foreach (string path in SocketDirectories.SelectMany(directory => EntriesOf(directory, $"{lab}*"))) File.Delete(path);
        if (Directory.Exists(FilesOf(lab))) Directory.Delete(FilesOf(lab), recursive: true);
    }

    private static void KillProcesses(string lab)
    {
        long start = Stopwatch.GetTimestamp();
        while (ProcessesOf(lab) is { Count: > 0 } left)
        {
            if (Stopwatch.GetElapsedTime(start) > DeathTimeout) throw new LabException($"lab {lab}: processes {string.Join(", ", left)} do not die");
            foreach (int id in left) _ = NativeMethods.Kill(id, (int)UnixSignal.Kill);
            Thread.Sleep(5);
        }
    }

    private static byte[] EnvironmentOf(int processId)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{processId}/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It ended meanwhile, or is not ours to look at: then it is not one of the lab's.
        }
    }

    private static void DeleteNamespace(string name)
    {
        using Process process = Command.Start(["ip", "netns", "delete", name], environment: null);
        process.WaitForExit();
        if (process.ExitCode != 0) throw new LabException($"ip netns delete {name}: {process.StandardError.ReadToEnd()}");
    }

    private static string[] EntriesOf(string directory, string pattern) =>
        Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory, pattern) : [];
}
