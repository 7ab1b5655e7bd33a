using CsCheck;

namespace Settings.Tests;

public sealed class SettingsPropertyTests
{
    private static readonly string[] Words = ["--listen", "--flag", "--", "-", "=", "--listen=", "--config", "{", "\"listen\"", ":", "[", "]", "}", "true", ","];

    [Fact]
    public void Any_command_line_and_file_end_in_values_or_one_sentence()
    {
        string file = Path.GetTempFileName();
        try
        {
            Gen<string> word = Gen.OneOf(Gen.String, Gen.Int[0, Words.Length - 1].Select(index => Words[index]));
            Gen.Select(word.Array[0, 6], word.Array[0, 8]).Sample((arguments, json) =>
            {
                File.WriteAllText(file, string.Concat(json));
                OptionSet options = new("p", "s", "P");
                options.AddList("listen", "X", "h");
                options.AddFlag("flag", "h");
                try
                {
                    options.Parse([.. arguments, "--config", file], new Dictionary<string, string>());
                }
                catch (OptionException exception)
                {
                    Assert.NotEmpty(exception.Message);
                }
            }, iter: 2_000, threads: 1);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
