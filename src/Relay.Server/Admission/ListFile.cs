using Settings;

namespace Relay.Server.Admission;

/// <summary>A text file that holds one entry a line. What follows a '#' is a comment; empty lines count for nothing.</summary>
internal static class ListFile
{
    /// <summary>The most entries: a bound on memory, far above what one relay serves.</summary>
    public const int MaxEntries = 1_000_000;

    private const long MaxLength = 256L << 20;

    /// <summary>Reads a short file as a whole.</summary>
    /// <exception cref="IOException">It cannot be read; the message names it.</exception>
    public static string ReadText(string path, int maxLengthBytes)
    {
        try
        {
            return NamedFile.ReadText(path, maxLengthBytes);
        }
        catch (IOException exception)
        {
            throw new IOException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the entries, each with the words it has and the number of its line.</summary>
    /// <exception cref="FormatException">The file is too long, or has too many entries.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<(int Line, string[] Words)> Read(string path)
    {
        if (Directory.Exists(path)) throw new IOException($"{path} is a directory");
        if (new FileInfo(path) is { Exists: true, Length: > MaxLength }) throw new FormatException($"{path} is longer than {MaxLength} bytes");
        int number = 0;
        int count = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            int comment = line.IndexOf('#');
            string[] words = (comment < 0 ? line : line[..comment]).Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (words.Length == 0) continue;
            if (++count > MaxEntries) throw new FormatException($"{path} has more than {MaxEntries} entries");
            yield return (number, words);
        }
    }
}
