using Settings;

namespace Node.Agent;

/// <summary>Notices that there may be another relay token: that its file has changed, or that it is another file.</summary>
/// <param name="locate">Where the file is, as of now; null = there is none.</param>
internal sealed class RelayTokenWatch(Func<string?> locate)
{
    private string? _path = locate();
    private FileWatch? _watch = locate() is { } path ? new FileWatch(path) : null;

    /// <summary>Looks at the file.</summary>
    /// <returns>True once for each change, when it has settled.</returns>
    public bool HasChanged()
    {
        string? path = locate();
        if (path == _path) return _watch?.HasChanged() ?? false;

        _path = path;
        _watch = path is null ? null : new FileWatch(path);
        return path is not null;
    }
}
