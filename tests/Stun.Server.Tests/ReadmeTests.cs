using Settings.Tests;

namespace Stun.Server.Tests;

/// <summary>The README says all that the program can be told.</summary>
public class ReadmeTests
{
    [Fact]
    public async Task It_names_every_option_that_the_program_takes()
    {
        string[] options = OptionTable.OptionsOf(await OptionTable.HelpAsync("stun-server.dll"));

        Assert.Contains("--alternate", options);
        Assert.Empty(OptionTable.MissingFrom("src/Stun.Server/README.md", options));
    }
}
