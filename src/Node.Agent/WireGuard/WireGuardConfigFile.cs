using Settings;

namespace Node.Agent.WireGuard;

/// <summary>A wg-quick file on disk.</summary>
internal static class WireGuardConfigFile
{
    private const int MaxLengthBytes = 1 << 20; // 4096 peers with ten ranges each stay below it.
    private const UnixFileMode OthersMayRead = UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <exception cref="OptionException">The file cannot be read or is no wg-quick file.</exception>
    public static WireGuardConfig Load(string file)
    {
        try
        {
            return WireGuardConfigParser.Parse(NamedFile.ReadText(file, MaxLengthBytes));
        }
        catch (WireGuardConfigException exception)
        {
            throw new OptionException($"{file} line {exception.Line}", exception.Problem, exception.Remedy);
        }
        catch (IOException exception)
        {
            throw new OptionException(file, $"the file cannot be read: {exception.Message}", "give a wg-quick file that may be read");
        }
    }

    /// <summary>Says whether users other than the owner may read the file, and with it the private key.</summary>
    public static bool IsReadableByOthers(string file) => (File.GetUnixFileMode(file) & OthersMayRead) != 0;
}
