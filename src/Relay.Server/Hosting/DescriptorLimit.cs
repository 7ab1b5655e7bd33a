using System.Globalization;

namespace Relay.Server.Hosting;

/// <summary>How many connections the process has descriptors for.</summary>
internal static class DescriptorLimit
{
    /// <summary>Kept for the admin pages, files that are read again, and what the runtime needs.</summary>
    private const int Reserve = 64;

    private const string LimitsFile = "/proc/self/limits";
    private const string OpenFiles = "Max open files";

    /// <summary>The most connections there can be; null where the system does not say.</summary>
    public static int? MaxConnections()
    {
        if (!File.Exists(LimitsFile)) return null;
        string? line = File.ReadLines(LimitsFile).FirstOrDefault(line => line.StartsWith(OpenFiles, StringComparison.Ordinal));
        string? soft = line?[OpenFiles.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault();
        if (!long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out long limit)) return null; // "unlimited"
        int used = Directory.GetFiles("/proc/self/fd").Length;
        return (int)Math.Clamp(limit - used - Reserve, 1, int.MaxValue);
    }
}
