namespace Settings;

/// <summary>
/// Notices that a file has changed, by looking at it from time to time: works over every file system, with every editor, and needs no
/// quota of the kernel's. A change counts when the file looks the same twice in a row, so a half-written one is not read.
/// </summary>
public sealed class FileWatch
{
    private readonly string _path;
    private Stamp _accepted;
    private Stamp _last;

    /// <summary>Begins with the file as it is. Make it before the file is read, so that no change is missed.</summary>
    public FileWatch(string path)
    {
        _path = path;
        _accepted = _last = Stamp.Of(path);
    }

    /// <summary>Looks at the file.</summary>
    /// <returns>True once for each change, when it has settled.</returns>
    public bool HasChanged()
    {
        Stamp present = Stamp.Of(_path);
        bool isSettled = present == _last;
        _last = present;
        if (!isSettled || !present.Exists || present == _accepted) return false;

        _accepted = present;
        return true;
    }

    private readonly record struct Stamp(bool Exists, DateTime Written, DateTime Created, long Length)
    {
        public static Stamp Of(string path)
        {
            FileInfo file = new(path);
            return file.Exists ? new Stamp(true, file.LastWriteTimeUtc, file.CreationTimeUtc, file.Length) : default;
        }
    }
}
