using Node.Traversal;
using Settings;

namespace Node.Agent.Maps;

/// <summary>A relay map on disk.</summary>
internal static class RelayMapFile
{
    /// <summary>1 MiB: a thousand regions with ten relays each stay below it.</summary>
    public const int MaxLengthBytes = 1 << 20;

    /// <exception cref="OptionException">The file cannot be read or is no relay map.</exception>
    public static RelayMap Load(string file, string source)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            if (stream.Length > MaxLengthBytes) throw new OptionException(source, $"{file} is larger than {MaxLengthBytes} bytes", "give a relay map (DERPMap JSON)");
            using StreamReader reader = new(stream);
            return RelayMap.Parse(reader.ReadToEnd());
        }
        catch (FormatException exception)
        {
            throw new OptionException(source, $"{file} is no relay map: {exception.Message.TrimEnd('.')}", "give DERPMap JSON, as relay-server --print-map prints it");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new OptionException(source, $"{file} cannot be read: {exception.Message.TrimEnd('.')}", "give a file that exists and may be read");
        }
    }
}
