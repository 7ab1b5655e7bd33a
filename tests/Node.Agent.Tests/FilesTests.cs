using Microsoft.Extensions.Logging;
using Node.Agent.WireGuard;
using Settings;

namespace Node.Agent.Tests;

public sealed class FilesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("agent").FullName;

    private string FilePath => Path.Combine(_directory, "wg0.conf");

    [Fact]
    public void A_change_counts_once_it_has_settled()
    {
        File.WriteAllText(FilePath, "one");
        FileWatch watch = new(FilePath);
        Assert.False(watch.HasChanged());

        File.WriteAllText(FilePath, "two and more");
        Assert.False(watch.HasChanged());
        File.WriteAllText(FilePath, "still being written");
        Assert.False(watch.HasChanged());

        Assert.True(watch.HasChanged());
        Assert.False(watch.HasChanged());
    }

    [Fact]
    public void A_file_that_is_away_for_a_moment_has_not_changed_until_it_is_back()
    {
        File.WriteAllText(FilePath, "one");
        FileWatch watch = new(FilePath);
        File.Delete(FilePath);
        Assert.False(watch.HasChanged());
        Assert.False(watch.HasChanged());

        File.WriteAllText(FilePath, "two");

        Assert.False(watch.HasChanged());
        Assert.True(watch.HasChanged());
    }

    [Fact]
    public void There_may_be_another_token_when_its_file_has_changed_and_when_it_is_another_file()
    {
        string? path = null;
        RelayTokenWatch watch = new(() => path);
        Assert.False(watch.HasChanged());

        path = FilePath; // Named before it is there.
        Assert.True(watch.HasChanged());
        Assert.False(watch.HasChanged());

        File.WriteAllText(FilePath, "token");
        Assert.False(watch.HasChanged()); // It may be half written.
        Assert.True(watch.HasChanged());
        Assert.False(watch.HasChanged());

        path = null;
        Assert.False(watch.HasChanged());
    }

    [Fact]
    public void State_is_replaced_as_a_whole_and_closed_to_others()
    {
        StateDirectory state = StateDirectory.Open(Path.Combine(_directory, "state"), out string? problem)!;
        Assert.Null(problem);
        Assert.Null(state.TryRead("map"));

        state.Write("map", "one");
        state.Write("map", "two");

        Assert.Equal("two", state.TryRead("map"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(state.PathOf("map")));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.Combine(_directory, "state")));
        Assert.Single(Directory.GetFiles(Path.Combine(_directory, "state")));
    }

    [Fact]
    public void Where_no_state_can_be_kept_there_is_a_reason()
    {
        Assert.Null(StateDirectory.Open("/proc/nothing/here", out string? problem));
        Assert.NotNull(problem);
    }

    [Fact]
    public void A_file_that_is_missing_or_wrong_is_told_in_one_sentence()
    {
        Assert.StartsWith(FilePath, Assert.Throws<OptionException>(() => WireGuardConfigFile.Load(FilePath)).Message, StringComparison.Ordinal);

        File.WriteAllText(FilePath, "[Interface]\nPrivateKey = no");
        Assert.StartsWith($"{FilePath} line 2: ", Assert.Throws<OptionException>(() => WireGuardConfigFile.Load(FilePath)).Message, StringComparison.Ordinal);
        Assert.Contains("it is a directory", Assert.Throws<OptionException>(() => WireGuardConfigFile.Load("/dev")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_others_can_read_is_noticed()
    {
        File.WriteAllText(FilePath, "");
        File.SetUnixFileMode(FilePath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.False(WireGuardConfigFile.IsReadableByOthers(FilePath));

        File.SetUnixFileMode(FilePath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Assert.True(WireGuardConfigFile.IsReadableByOthers(FilePath));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_token_is_read_anew_each_time_and_what_is_none_is_none()
    {
        string? path = null;
        SaidLines log = new();
        RelayTokenFile file = new(() => path, log);
        Assert.Null(file.Read());
        path = FilePath + ".missing";
        Assert.Null(file.Read());
        Assert.Null(file.Read());
        Assert.Equal($"Relays are shown no token, for {path} cannot be used: there is no such file", Assert.Single(log.Lines));

        path = FilePath;
        foreach ((string text, string? token) in ((string, string?)[])[("a.b.c\n", "a.b.c"), ("d.e.f", "d.e.f"), ("", null), ("two words", null), ("x\r\nHost: other", null), (new string('x', RelayTokenFile.MaxLength + 3), null)])
        {
            File.WriteAllText(FilePath, text);
            Assert.Equal(token, file.Read());
        }
    }

    private sealed class SaidLines : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
