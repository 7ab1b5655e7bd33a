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
            using FileStream stream = File.OpenRead(file);
            if (stream.Length > MaxLengthBytes) throw new OptionException(file, $"it is larger than {MaxLengthBytes} bytes", "give a wg-quick file");
            using StreamReader reader = new(stream);
            return WireGuardConfigParser.Parse(reader.ReadToEnd());
        }
        catch (WireGuardConfigException exception)
        {
            throw new OptionException($"{file} line {exception.Line}", exception.Problem, exception.Remedy);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new OptionException(file, $"it cannot be read: {exception.Message.TrimEnd('.')}", "give a wg-quick file that exists and may be read");
        }
    }

    /// <summary>Says whether users other than the owner may read the file, and with it the private key.</summary>
    public static bool IsReadableByOthers(string file) => (File.GetUnixFileMode(file) & OthersMayRead) != 0;
}
