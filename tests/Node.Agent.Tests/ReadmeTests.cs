using System.Text.Json;
using Node.Traversal;
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

    [Fact]
    public void It_names_every_word_that_a_verdict_may_have()
    {
        IEnumerable<string> words = [.. Enum.GetNames<VerdictCode>(), .. Enum.GetNames<VerdictStage>(), .. Enum.GetNames<VerdictRemedy>(), .. Enum.GetNames<PathMethods>()];

        Assert.Empty(OptionTable.MissingFrom("src/Node.Agent/README.md", words.Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)));
    }
}
