using System.Runtime.InteropServices;

namespace NatLab;

/// <summary>The few calls that the base library lacks.</summary>
internal static partial class NativeMethods
{
    public const int CloneNewNet = 0x40000000;

    /// <summary>Moves the calling thread, and nothing else, into the namespace behind <paramref name="descriptor"/>.</summary>
    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    public static partial int SetNamespace(SafeHandle descriptor, int kind);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int processId, int signal);
}
