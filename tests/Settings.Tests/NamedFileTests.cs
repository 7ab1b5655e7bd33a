using System.Text;

namespace Settings.Tests;

public sealed class NamedFileTests : IDisposable
{
    private const int MaxLengthBytes = 64;

    private readonly string _directory = Directory.CreateTempSubdirectory("settings").FullName;

    [Fact]
    public void A_byte_order_mark_is_no_part_of_the_text()
    {
        Assert.Equal("é\r\n", NamedFile.ReadText(Write([.. Encoding.UTF8.Preamble, .. "é\r\n"u8]), MaxLengthBytes));
        Assert.Equal("é", NamedFile.ReadText(Write([.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("é")]), MaxLengthBytes));
    }

    [Fact]
    public void The_longest_file_is_taken_and_a_longer_one_is_not()
    {
        Assert.Equal(MaxLengthBytes, NamedFile.ReadText(Write(new byte[MaxLengthBytes]), MaxLengthBytes).Length);
        Assert.Equal("it is larger than 64 bytes", ProblemOf(Write(new byte[MaxLengthBytes + 1])));
    }

    [Fact]
    public void A_device_without_an_end_is_read_no_further_than_the_limit()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux has /dev/zero");

        Assert.Equal("it is larger than 64 bytes", ProblemOf("/dev/zero"));
    }

    [Fact]
    public void A_directory_and_a_missing_file_are_called_so()
    {
        Assert.Equal("it is a directory", ProblemOf(_directory));
        Assert.Equal("there is no such file", ProblemOf(Path.Combine(_directory, "missing")));
        Assert.Equal("there is no such file", ProblemOf(Path.Combine(_directory, "missing", "file")));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string ProblemOf(string path) => Assert.Throws<IOException>(() => NamedFile.ReadText(path, MaxLengthBytes)).Message;

    private string Write(byte[] content)
    {
        string path = Path.Combine(_directory, "file");
        File.WriteAllBytes(path, content);
        return path;
    }
}
