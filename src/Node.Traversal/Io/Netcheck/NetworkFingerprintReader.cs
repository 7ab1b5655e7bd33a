using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Reads which network the machine is in, on Linux; elsewhere that is not known.</summary>
internal static class NetworkFingerprintReader
{
    private const string RoutesFile = "/proc/net/route";
    private const string NeighboursFile = "/proc/net/arp";

    /// <summary>Reads it. The gateway's link-layer address is there once anything was sent to it: read again after the first answer.</summary>
    public static NetworkFingerprint Read()
    {
        if (!OperatingSystem.IsLinux()) return NetworkFingerprint.None;
        try
        {
            return LinuxRoutes.Fingerprint(File.ReadLines(RoutesFile), File.Exists(NeighboursFile) ? File.ReadLines(NeighboursFile) : []);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return NetworkFingerprint.None; // No table, no network that could be told from others.
        }
    }
}
