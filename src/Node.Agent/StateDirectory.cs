namespace Node.Agent;

/// <summary>Where the agent keeps what should survive a restart: nothing in it is needed to start.</summary>
internal sealed class StateDirectory
{
    private const string Default = "/var/lib/relay-node";
    private const string Variable = "STATE_DIRECTORY"; // Set by systemd for StateDirectory=; several are joined by colons.
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;

    private StateDirectory(string path) => _path = path;

    /// <summary>Opens the directory, made and closed to others where it is missing.</summary>
    /// <returns>Null where there cannot be one; <paramref name="problem"/> says why.</returns>
    public static StateDirectory? Open(out string? problem)
    {
        string? given = Environment.GetEnvironmentVariable(Variable);
        return Open(string.IsNullOrEmpty(given) ? Default : given.Split(':')[0], out problem);
    }

    /// <summary>As the other one, in a given place.</summary>
    public static StateDirectory? Open(string path, out string? problem)
    {
        problem = null;
        try
        {
            Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
            return new StateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = exception.Message;
            return null;
        }
    }

    /// <summary>The path of a file in it.</summary>
    public string PathOf(string name) => Path.Combine(_path, name);

    /// <summary>Reads a file; null where there is none, or it cannot be read.</summary>
    public string? TryRead(string name)
    {
        try
        {
            return File.ReadAllText(PathOf(name));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Replaces a file as a whole: after a crash there is the old one or the new one.</summary>
    /// <exception cref="IOException">The disk is full, or worse.</exception>
    public void Write(string name, string content)
    {
        string path = PathOf(name);
        string next = path + ".new";
        File.Delete(next); // One that a crash left may have other permissions.
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        using (StreamWriter writer = new(next, options)) writer.Write(content);
        File.Move(next, path, overwrite: true);
    }
}
