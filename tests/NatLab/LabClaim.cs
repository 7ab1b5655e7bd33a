using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace NatLab;

/// <summary>
/// A lab's name, held by a lock on a file that the kernel releases when the process dies, however it dies. A claim whose lock is free is a
/// lab that nobody owns any more, and what it left behind is removed.
/// </summary>
internal sealed class LabClaim : IDisposable
{
    /// <summary>In the environment of every process of a lab. Processes in a deleted namespace are found by nothing else.</summary>
    public const string EnvironmentMark = "NATLAB";

    private const string Directory = "/run/natlab";
    private const int NameAttempts = 100; // Of 36^4 names: one taken is rare, a hundred in a row are not chance.

    private static readonly ConcurrentDictionary<string, LabClaim> Living = new();

    // For as long as the process: someone who interrupts it wants his machine back.
    private static readonly PosixSignalRegistration[] Signals =
        [PosixSignalRegistration.Create(PosixSignal.SIGINT, RemoveLiving), PosixSignalRegistration.Create(PosixSignal.SIGTERM, RemoveLiving)];

    private readonly FileStream _lock;

    private LabClaim(string name, FileStream held)
    {
        Name = name;
        _lock = held;
        Living[name] = this;
    }

    /// <summary>Five letters and digits: short, because interface names of a lab start with it and have 15 at most.</summary>
    public string Name { get; }

    /// <summary>Takes a free name, and first removes the labs whose owners are gone.</summary>
    public static LabClaim Take()
    {
        System.IO.Directory.CreateDirectory(Directory);
        GC.KeepAlive(Signals);
        RemoveAbandoned();
        for (int i = 0; i < NameAttempts; i++)
        {
            string name = "n" + string.Concat(Random.Shared.GetItems<char>("0123456789abcdefghijklmnopqrstuvwxyz", 4));
            if (TryHold(name, FileMode.CreateNew) is { } held) return new LabClaim(name, held);
        }
        throw new LabException($"no free name for a lab in {Directory} after {NameAttempts} attempts");
    }

    public void Dispose()
    {
        LabRemains.Remove(Name);
        Living.TryRemove(Name, out _);
        File.Delete(_lock.Name);
        _lock.Dispose();
    }

    /// <summary>Lets go of the name without removing anything, as a process that is killed does.</summary>
    internal void ReleaseLock()
    {
        Living.TryRemove(Name, out _);
        _lock.Dispose();
    }

    /// <summary>Removes what there is; the files stay, so that the next lab finds what was being built at this moment.</summary>
    private static void RemoveLiving(PosixSignalContext signal)
    {
        foreach (string name in Living.Keys) LabRemains.Remove(name);
    }

    private static void RemoveAbandoned()
    {
        foreach (string file in System.IO.Directory.EnumerateFiles(Directory))
        {
            string name = Path.GetFileName(file);
            if (TryHold(name, FileMode.Open) is { } held) new LabClaim(name, held).Dispose();
        }
    }

    private static FileStream? TryHold(string name, FileMode mode)
    {
        try
        {
            return new FileStream(Path.Combine(Directory, name), mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null; // Held by a living lab, taken before us, or removed this moment.
        }
    }
}
