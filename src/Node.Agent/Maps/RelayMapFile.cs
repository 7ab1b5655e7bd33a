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
            return RelayMap.Parse(NamedFile.ReadText(file, MaxLengthBytes));
        }
        catch (FormatException exception)
        {
            throw new OptionException(source, $"{file} cannot be used: {exception.Message.TrimEnd('.')}", "give DERPMap JSON, as relay-server --print-map prints it");
        }
        catch (IOException exception)
        {
            throw new OptionException(source, $"{file} cannot be read: {exception.Message}", "give a relay map (DERPMap JSON) that may be read");
        }
    }
}
