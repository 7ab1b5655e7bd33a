using Node.Agent.WireGuard;
using Settings;

namespace Node.Agent.Tests.WireGuard;

public sealed class InterfaceNameTests
{
    [Theory]
    [InlineData("/etc/wireguard/wg0.conf", "wg0")]
    [InlineData("home", "home")]
    public void It_is_the_files_name(string file, string expected) => Assert.Equal(expected, InterfaceName.FromFile(file));

    [Theory]
    [InlineData("a-name-that-is-too-long.conf")]
    [InlineData("two words.conf")]
    [InlineData("-x.conf")]
    [InlineData(".conf")]
    public void A_file_that_is_called_otherwise_needs_the_option(string file) =>
        Assert.Contains("--interface", Assert.Throws<OptionException>(() => InterfaceName.FromFile(file)).Message, StringComparison.Ordinal);
}
