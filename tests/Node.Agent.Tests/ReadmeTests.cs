using Settings.Tests;

namespace Node.Agent.Tests;

/// <summary>The README says all that the program can be told.</summary>
public class ReadmeTests
{
    [Fact]
    public async Task It_names_every_command_and_every_option_of_each()
    {
        string[] commands = OptionTable.CommandsOf(await OptionTable.HelpAsync("relay-node.dll"));
        Assert.Contains("netcheck", commands);
        List<string> missing = [];
        foreach (string command in commands)
        {
            string[] options = OptionTable.OptionsOf(await OptionTable.HelpAsync("relay-node.dll", command));
            Assert.NotEmpty(options);
            missing.AddRange(OptionTable.MissingFrom("src/Node.Agent/README.md", [command, .. options]));
        }

        Assert.Empty(missing);
    }
}
