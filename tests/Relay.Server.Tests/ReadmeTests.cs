using System.Text.RegularExpressions;
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

    [Fact]
    public async Task It_names_every_metric()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0");
        using HttpClient web = new();
        string metrics = await web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));

        string[] names = [.. Regex.Matches(metrics, @"^# TYPE (relay_\w+) ", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];

        Assert.Contains("relay_rtt_seconds", names);
        Assert.Contains("service_name=\"relay-server\"", metrics, StringComparison.Ordinal);
        Assert.Empty(OptionTable.MissingFrom("src/Relay.Server/README.md", names));
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
