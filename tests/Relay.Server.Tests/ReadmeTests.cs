using Settings.Tests;

namespace Relay.Server.Tests;

/// <summary>The README says all that the program can be told.</summary>
public class ReadmeTests
{
    [Fact]
    public async Task It_names_every_option_that_the_program_takes()
    {
        string[] options = OptionTable.OptionsOf(await OptionTable.HelpAsync("relay-server.dll"));

        Assert.Contains("--mesh-tenant", options);
        Assert.Empty(OptionTable.MissingFrom("src/Relay.Server/README.md", options));
    }

    [Theory]
    [InlineData("issue")]
    [InlineData("inspect")]
    public async Task It_names_every_option_of_the_commands_about_tokens(string command)
    {
        string[] options = OptionTable.OptionsOf(await OptionTable.HelpAsync("relay-server.dll", "token", command));

        Assert.Contains("--key-set", options);
        Assert.Empty(OptionTable.MissingFrom("src/Relay.Server/README.md", options));
    }
}
