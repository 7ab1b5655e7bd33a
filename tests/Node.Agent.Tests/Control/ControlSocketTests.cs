using System.Net.Sockets;
using Node.Agent.Control;
using Node.Traversal.Tests;
using Settings;

namespace Node.Agent.Tests.Control;

public sealed class ControlSocketTests : IDisposable
{
    private const UnixFileMode Everyone = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _directory = Directory.CreateTempSubdirectory("agent").FullName;

    private string SocketPath => ControlDirectory.SocketOf("wg0", _directory);

    [Fact]
    public async Task A_question_is_answered()
    {
        await using ControlSocket socket = ControlSocket.Open(SocketPath, question => $"[{question}]");

        Assert.Equal("[json]", await ControlClient.AskAsync(SocketPath, "json", default));
        Assert.Equal("[text]", await ControlClient.AskAsync(SocketPath, "text", default));
    }

    [Fact]
    public async Task Long_answers_arrive_whole()
    {
        string answer = new('x', 3_000_000);
        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => answer);

        Assert.Equal(answer, await ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task Only_the_owner_may_open_it()
    {
        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => "");

        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(SocketPath) & Everyone);
    }

    [Fact]
    public async Task A_socket_left_by_the_dead_is_replaced()
    {
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(SocketPath));
            dead.Listen(1);
            File.Move(SocketPath, SocketPath + ".kept"); // Closing removes the file under its old name only.
        }

        File.Move(SocketPath + ".kept", SocketPath);

        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => "alive");
        Assert.Equal("alive", await ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task A_living_agent_keeps_its_socket()
    {
        await using ControlSocket living = ControlSocket.Open(SocketPath, _ => "first");

        Assert.Contains("another relay-node", Assert.Throws<OptionException>(() => ControlSocket.Open(SocketPath, _ => "second")).Message, StringComparison.Ordinal);
        Assert.Equal("first", await ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task One_who_connects_and_goes_away_does_no_harm()
    {
        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => "well");
        using (Socket rude = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)) await rude.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));

        Assert.Equal("well", await ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task A_question_that_cannot_be_answered_is_not_the_last()
    {
        int asked = 0;
        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => ++asked == 1 ? throw new InvalidDataException("a table that cannot be read") : "well");
        Assert.Equal("", await ControlClient.AskAsync(SocketPath, "json", default));

        Assert.Equal("well", await ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task The_file_is_gone_at_the_end()
    {
        await ControlSocket.Open(SocketPath, _ => "").DisposeAsync();

        Assert.False(File.Exists(SocketPath));
        await Assert.ThrowsAsync<NoAgentException>(() => ControlClient.AskAsync(SocketPath, "json", default));
    }

    [Fact]
    public async Task Where_there_is_no_socket_that_is_said()
    {
        NoAgentException refused = await Assert.ThrowsAsync<NoAgentException>(() => ControlClient.AskAsync(SocketPath, "json", default));

        Assert.Contains("there is no socket", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_may_not_ask_is_told_who_may() => Unprivileged.Run(async () =>
    {
        await using ControlSocket socket = ControlSocket.Open(SocketPath, _ => "");
        File.SetUnixFileMode(SocketPath, UnixFileMode.None);

        NoAgentException refused = await Assert.ThrowsAsync<NoAgentException>(() => ControlClient.AskAsync(SocketPath, "json", default));

        Assert.Contains("ask as the user the agent runs as", refused.Message, StringComparison.Ordinal);
    });

    [Fact]
    public async Task A_path_that_is_too_long_is_told_with_its_length()
    {
        string longest = Path.Combine(_directory, new string('x', 107 - _directory.Length - 1));
        await ControlSocket.Open(longest, _ => "").DisposeAsync();

        Assert.Contains("108 bytes", Assert.Throws<OptionException>(() => ControlSocket.Open(longest + "x", _ => "")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a file that somebody needs")]
    public void A_file_that_is_no_socket_is_left_alone(string content)
    {
        File.WriteAllText(SocketPath, content);

        Assert.Contains("no socket", Assert.Throws<OptionException>(() => ControlSocket.Open(SocketPath, _ => "")).Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(SocketPath));
        Assert.Throws<OptionException>(() => ControlSocket.Open(_directory, _ => ""));
    }

    [Fact]
    public void One_interface_has_one_agent()
    {
        using (InterfaceLock.Take("wg0", _directory))
        {
            Assert.Contains("another relay-node", Assert.Throws<OptionException>(() => InterfaceLock.Take("wg0", _directory)).Message, StringComparison.Ordinal);
            InterfaceLock.Take("wg1", _directory).Dispose();
        }

        InterfaceLock.Take("wg0", _directory).Dispose();
    }

    [Fact]
    public void The_only_agent_needs_no_name_and_several_are_listed()
    {
        Assert.Contains("no agent", Assert.Throws<NoAgentException>(() => ControlDirectory.FindOnlySocket(_directory)).Message, StringComparison.Ordinal);

        File.WriteAllText(SocketPath, "");
        Assert.Equal(SocketPath, ControlDirectory.FindOnlySocket(_directory));

        string other = ControlDirectory.SocketOf("wg1", _directory);
        File.WriteAllText(other, "");
        string message = Assert.Throws<OptionException>(() => ControlDirectory.FindOnlySocket(_directory)).Message;
        Assert.Contains("--interface", message, StringComparison.Ordinal);
        Assert.Contains("wg0, wg1", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_agent_of_an_interface_is_found_by_its_name_and_where_there_is_none_the_others_are_named()
    {
        Assert.Contains("there is no agent", Assert.Throws<NoAgentException>(() => ControlDirectory.FindSocketOf("wg0", _directory)).Message, StringComparison.Ordinal);

        File.WriteAllText(SocketPath, "");
        File.WriteAllText(ControlDirectory.SocketOf("wg1", _directory), "");

        Assert.Equal(SocketPath, ControlDirectory.FindSocketOf("wg0", _directory));
        Assert.Contains("agents of wg0, wg1", Assert.Throws<NoAgentException>(() => ControlDirectory.FindSocketOf("wg2", _directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_directory_is_made_for_the_owner_alone()
    {
        string made = Path.Combine(_directory, "made");

        ControlDirectory.Prepare(made, "--socket");

        Assert.Equal((UnixFileMode)0, File.GetUnixFileMode(made) & Everyone);
        Assert.Throws<OptionException>(() => ControlDirectory.Prepare("/proc/nothing/here", "--socket"));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
