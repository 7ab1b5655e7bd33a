using System.Text;

namespace Settings;

/// <summary>
/// Reads a whole file that a person has named, and says in a few words why it cannot be read. Pipes and devices are read too, up to the
/// limit: <c>--config &lt;(decrypt settings)</c> is of use, and <c>/dev/zero</c> must not fill the memory.
/// </summary>
public static class NamedFile
{
    private const int StepLengthBytes = 16 << 10;

    /// <summary>Reads text: UTF-8, or what a byte order mark at its beginning says. The mark is no part of the text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxLengthBytes">The longest file that is taken.</param>
    /// <exception cref="IOException">It cannot be read. The message continues a sentence about the file, without a full stop: "there is no such file".</exception>
    public static string ReadText(string path, int maxLengthBytes)
    {
        using StreamReader reader = new(new MemoryStream(ReadBytes(path, maxLengthBytes)), Encoding.UTF8, detectEncodingFromByteOrderMarks: true);
        return reader.ReadToEnd();
    }

    private static byte[] ReadBytes(string path, int maxLengthBytes)
    {
        try
        {
            using FileStream file = new(path, new FileStreamOptions { Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            using MemoryStream bytes = new();
            byte[] step = new byte[StepLengthBytes];
            int length;
            while ((length = file.Read(step)) > 0)
            {
                if (bytes.Length + length > maxLengthBytes) throw new IOException($"it is larger than {maxLengthBytes} bytes");
                bytes.Write(step, 0, length);
            }

            return bytes.ToArray();
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or FileNotFoundException or DirectoryNotFoundException or ArgumentException or NotSupportedException)
        {
            throw new IOException(ProblemOf(path, exception), exception);
        }
    }

    /// <summary>Says why a file cannot be read, as a phrase without a full stop. The system calls a directory "denied", even to root.</summary>
    /// <param name="path">The file.</param>
    /// <param name="exception">What the base library said.</param>
    public static string ProblemOf(string path, Exception exception) => exception switch
    {
        _ when Directory.Exists(path) => "it is a directory",
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException => "this user may not read it",
        _ => exception.Message.TrimEnd('.'),
    };
}
