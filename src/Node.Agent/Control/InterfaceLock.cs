using Settings;

namespace Node.Agent.Control;

/// <summary>
/// Keeps a second agent off an interface: two would pull its endpoints back and forth. The lock is the kernel's (flock), so it ends
/// with the process, however that ends; the file stays, as removing it would let two agents lock two files of one name.
/// </summary>
internal sealed class InterfaceLock : IDisposable
{
    private readonly FileStream _file;

    private InterfaceLock(FileStream file) => _file = file;

    /// <exception cref="OptionException">Another agent has the interface, or the file cannot be made.</exception>
    public static InterfaceLock Take(string interfaceName, string directory)
    {
        string path = Path.Combine(directory, interfaceName + ".lock");
        try
        {
            FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };
            return new InterfaceLock(new FileStream(path, options));
        }
        catch (UnauthorizedAccessException)
        {
            throw new OptionException(path, "it may not be written", "run as the owner of the directory, or give --socket PATH in another one");
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new OptionException(interfaceName, $"another relay-node has this interface (it holds {path})", "stop that one first");
        }
    }

    public void Dispose() => _file.Dispose();
}
