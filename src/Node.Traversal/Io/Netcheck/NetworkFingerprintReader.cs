using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Reads which network the machine is in, on Linux; elsewhere that is not known.</summary>
internal static class NetworkFingerprintReader
{
    /// <summary>Reads it. The gateway's link-layer address is there once anything was sent to it: read again after the first answer.</summary>
    public static NetworkFingerprint Read() => LinuxRoutes.Fingerprint(LinuxTable.Read(LinuxTable.Ipv4Routes), LinuxTable.Read(LinuxTable.Ipv4Neighbours));
}
