namespace Settings.Tests;

public sealed class CommandSetTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("settings").FullName;
    private readonly CommandSet _commands = new("relay-node", "Carries a tunnel.", "NODE");
    private readonly List<string> _ran = [];

    public CommandSetTests()
    {
        OptionSet up = _commands.Begin("up", "Starts.");
        OptionKey port = up.AddText("port", "N", "The port.");
        _commands.Add(up, (values, _) => Ran($"up {values.Text(port)}"));
        OptionSet status = _commands.Begin("status", "Tells.");
        status.AddFlag("json", "As JSON.");
        _commands.Add(status, (_, _) => Ran("status"));
    }

    [Fact]
    public async Task The_named_command_runs_with_its_own_options()
    {
        Assert.Equal(0, await ProgramRunner.RunAsync(_commands, ["up", "--port", "7"]));

        Assert.Equal(["up 7"], _ran);
    }

    [Fact]
    public async Task Commands_may_share_a_file()
    {
        string file = Path.Combine(_directory, "both.json");
        await File.WriteAllTextAsync(file, """{"port": 9, "json": true}""");

        Assert.Equal(0, await ProgramRunner.RunAsync(_commands, ["up", "--config", file]));
        Assert.Equal(0, await ProgramRunner.RunAsync(_commands, ["status", "--config", file]));

        Assert.Equal(["up 9", "status"], _ran);
    }

    [Theory]
    [InlineData("down")]
    [InlineData("up", "--json")]
    [InlineData]
    public async Task A_bad_command_or_option_is_exit_code_2(params string[] arguments)
    {
        Assert.Equal(2, await ProgramRunner.RunAsync(_commands, arguments));

        Assert.Empty(_ran);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("--version")]
    [InlineData("up", "--help")]
    [InlineData("status", "--version")]
    public async Task Help_and_version_answer_without_running(params string[] arguments)
    {
        Assert.Equal(0, await ProgramRunner.RunAsync(_commands, arguments));

        Assert.Empty(_ran);
    }

    [Fact]
    public async Task What_the_machine_refuses_is_exit_code_1() =>
        Assert.Equal(1, await ProgramRunner.RunAsync(_ => throw new IOException("The port is taken.")));

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private Task<int> Ran(string what)
    {
        _ran.Add(what);
        return Task.FromResult(0);
    }
}
