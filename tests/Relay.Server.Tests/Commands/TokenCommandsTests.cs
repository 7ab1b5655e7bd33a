using System.Diagnostics;
using Relay.Server.Commands;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests.Commands;

public sealed class TokenCommandsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("relay-token-").FullName;

    private string Key => Path.Combine(_directory, "sign.pem");

    private string KeySet => Path.Combine(_directory, "keys.json");

    [Theory]
    [InlineData("30s", 30)]
    [InlineData("36500d", 36_500L * 86_400)]
    [InlineData("876000h", 36_500L * 86_400)]
    public void A_duration_is_a_number_and_a_unit(string text, long expectedSeconds)
    {
        Assert.True(TokenCommands.TryReadDuration(text, out TimeSpan duration));

        Assert.Equal(TimeSpan.FromSeconds(expectedSeconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("d")]
    [InlineData("90")]
    [InlineData("0d")]
    [InlineData("-3d")]
    [InlineData("1.5h")]
    [InlineData("90w")]
    [InlineData("36501d")]
    [InlineData("2147483647h")]
    [InlineData("2147483647m")]
    public void What_is_no_duration_or_over_a_hundred_years_is_refused(string text) => Assert.False(TokenCommands.TryReadDuration(text, out _));

    [Fact]
    public async Task A_key_set_that_was_lost_is_made_again_from_its_key()
    {
        Assert.Equal(0, (await RunAsync("issue", "--create-key", "--signing-key", Key, "--key-set", KeySet)).Code);
        string before = await File.ReadAllTextAsync(KeySet);
        File.Delete(KeySet);

        for (int i = 0; i < 2; i++) // Once more changes nothing.
        {
            Assert.Equal(0, (await RunAsync("issue", "--create-key", "--signing-key", Key, "--key-set", KeySet)).Code);
            Assert.Equal(before, await File.ReadAllTextAsync(KeySet));
        }
    }

    [Fact]
    public async Task A_key_set_that_cannot_be_used_is_named_before_a_key_is_made()
    {
        (int code, string error) = await RunAsync("issue", "--create-key", "--signing-key", Key, "--key-set", _directory);

        Assert.Equal(2, code);
        Assert.Contains($"--key-set: {_directory} is a directory", error, StringComparison.Ordinal);
        Assert.False(File.Exists(Key));
    }

    [Fact]
    public async Task What_a_token_is_verified_with_must_be_there()
    {
        Assert.Equal(0, (await RunAsync("issue", "--create-key", "--signing-key", Key, "--key-set", KeySet)).Code);
        string token = Path.Combine(_directory, "token");
        using Process issue = RunningRelay.Launch(["token", "issue", "--signing-key", Key, "--node-key", RelayWorld.Keys(1).PublicKey.ToBase64()]);
        await File.WriteAllTextAsync(token, await issue.StandardOutput.ReadToEndAsync().WaitAsync(Patience));

        Assert.Equal(0, (await RunAsync("inspect", token, "--key-set", KeySet)).Code);
        (int code, string error) = await RunAsync("inspect", token, "--key-set", KeySet + ".missing");

        Assert.Equal(2, code);
        Assert.Contains($"{KeySet}.missing cannot be read: there is no such file", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static async Task<(int Code, string Error)> RunAsync(params string[] arguments)
    {
        using Process process = RunningRelay.Launch(["token", .. arguments]);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync().WaitAsync(Patience);
        await output.WaitAsync(Patience);
        await process.WaitForExitAsync().WaitAsync(Patience);
        return (process.ExitCode, error);
    }
}
