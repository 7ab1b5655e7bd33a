namespace NatLab;

/// <summary>A wall clock of one program's own, by Debian's libfaketime: it can jump, as it does for a machine that has slept, while no time passes otherwise.</summary>
public sealed class WallClock
{
    private readonly string _file;

    /// <summary>Makes one that goes right.</summary>
    public WallClock(Lab lab, string name)
    {
        _file = Path.Combine(lab.Files, $"{name}-clock");
        Advance(TimeSpan.Zero);
    }

    /// <summary>Why there can be none here, or null if there can.</summary>
    public static string? Missing => Library is null ? "not installed: faketime (scripts/install-dependencies.sh)" : null;

    /// <summary>What a program needs in its environment to go by this clock.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["LD_PRELOAD"] = Library ?? throw new LabException(Missing ?? ""),
        ["FAKETIME_TIMESTAMP_FILE"] = _file,
        ["FAKETIME_NO_CACHE"] = "1",
        ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
        ["FAKETIME_DISABLE_SHM"] = "1",
    };

    private static string? Library =>
        Directory.Exists("/usr/lib") ? Directory.EnumerateDirectories("/usr/lib", "*-linux-gnu").Select(directory => Path.Combine(directory, "faketime", "libfaketimeMT.so.1")).FirstOrDefault(File.Exists) : null;

    /// <summary>Sets it so much ahead of the machine's, at the program's next look.</summary>
    public void Advance(TimeSpan ahead) => File.WriteAllText(_file, $"+{(long)ahead.TotalSeconds}\n");
}
