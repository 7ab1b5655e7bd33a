using System.Text;

namespace Node.Traversal.Tests.Core.Proxies;

public class ProxySettingsTests
{
    [Theory]
    [InlineData("http://proxy.example:3128", "proxy.example:3128", null)]
    [InlineData("HTTP://Proxy.Example:3128/", "Proxy.Example:3128", null)]
    [InlineData("proxy:8080", "proxy:8080", null)]
    [InlineData("http://proxy", "proxy:80", null)]
    [InlineData("192.0.2.7:3128", "192.0.2.7:3128", null)]
    [InlineData("http://[2001:db8::7]:3128", "[2001:db8::7]:3128", null)]
    [InlineData("http://[2001:db8::7]", "[2001:db8::7]:80", null)]
    [InlineData("http://ann:secret@proxy:1", "proxy:1", "ann:secret")]
    [InlineData("http://ann:p%40ss%3aw%23rd@proxy:1", "proxy:1", "ann:p@ss:w#rd")]
    [InlineData("http://ann:a@b@proxy:1", "proxy:1", "ann:a@b")]
    [InlineData("http://ann:@proxy:1", "proxy:1", "ann:")]
    [InlineData("http://j%C3%BCrg:x@proxy:1", "proxy:1", "jürg:x")]
    public void A_proxy_is_read_as_people_write_it(string text, string shown, string? credentials)
    {
        HttpProxy proxy = HttpProxy.Parse(text);

        Assert.Equal(shown, proxy.ToString());
        Assert.Equal(credentials is null ? null : $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials))}", proxy.Authorization);
        Assert.Equal(proxy, HttpProxy.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("http://")]
    [InlineData("https://proxy:1")]
    [InlineData("socks5://proxy:1")]
    [InlineData("secret://x:secret@proxy:1")]
    [InlineData("http://secret@proxy:1")]
    [InlineData("http://ann:secret@:1")]
    [InlineData("http://ann:secret@proxy:0")]
    [InlineData("http://ann:secret@proxy:70000")]
    [InlineData("http://ann:secret@proxy:x")]
    [InlineData("http://ann:secret@pro xy:1")]
    [InlineData("http://ann:secret@2001:db8::7:1")]
    [InlineData("http://ann:secret@[proxy]:1")]
    [InlineData("http://a%3an:secret@proxy:1")]
    [InlineData("http://ann:secret%0d%0aX: y@proxy:1")]
    public void What_is_no_proxy_is_refused_without_a_word_of_the_password(string text)
    {
        FormatException refusal = Assert.Throws<FormatException>(() => HttpProxy.Parse(text));

        Assert.DoesNotContain("secret", refusal.Message.Replace("secret://", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_of_the_settings_holds_the_password()
    {
        ProxySettings settings = new(HttpProxy.Parse("http://ann:secret@proxy:1"));

        Assert.DoesNotContain("secret", $"{settings} {settings.Proxy}", StringComparison.Ordinal);
        Assert.NotEqual(settings, new ProxySettings(HttpProxy.Parse("http://ann:other@proxy:1")));
    }

    [Theory]
    [InlineData("https_proxy=http://a:1;HTTPS_PROXY=http://b:1", "a:1")]
    [InlineData("HTTPS_PROXY=http://b:1;ALL_PROXY=http://c:1", "b:1")]
    [InlineData("HTTPS_PROXY= ;all_proxy=c:1", "c:1")]
    [InlineData("http_proxy=http://d:1", null)]
    [InlineData("", null)]
    public void The_environment_names_the_proxy(string variables, string? proxy)
    {
        Assert.Equal(proxy, ProxySettings.FromEnvironment(Environment(variables)).For("relay.example", 443)?.ToString());
    }

    [Fact]
    public void A_variable_that_cannot_be_used_is_named()
    {
        FormatException refusal = Assert.Throws<FormatException>(() => ProxySettings.FromEnvironment(Environment("ALL_PROXY=socks5://x:secret@proxy:1")));

        Assert.StartsWith("ALL_PROXY: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("relay.example", "relay.example", 443, true)]
    [InlineData("example", "relay.example", 443, true)]
    [InlineData(".example", "Relay.Example.", 443, true)]
    [InlineData("*.example", "relay.example", 443, true)]
    [InlineData("lay.example", "relay.example", 443, false)]
    [InlineData("other, relay.example:443", "relay.example", 443, true)]
    [InlineData("relay.example:444", "relay.example", 443, false)]
    [InlineData("*", "relay.example", 443, true)]
    [InlineData("*", "192.0.2.1", 443, true)]
    [InlineData("192.0.2.1", "192.0.2.1", 443, true)]
    [InlineData("192.0.2.0/24", "192.0.2.1", 443, true)]
    [InlineData("192.0.2.1:444", "192.0.2.1", 443, false)]
    [InlineData("2.1", "192.0.2.1", 443, false)]
    [InlineData("2001:db8::/32", "2001:db8::1", 443, true)]
    [InlineData("[2001:db8::1]:443", "2001:db8::1", 443, true)]
    [InlineData("[2001:db8::1]:444", "2001:db8::1", 443, false)]
    [InlineData(" ,, ", "relay.example", 443, false)]
    public void Hosts_of_no_proxy_are_reached_directly(string exceptions, string host, ushort port, bool isDirect)
    {
        ProxySettings settings = new ProxySettings(HttpProxy.Parse("proxy:1")).WithExceptions(Environment($"NO_PROXY={exceptions}"));

        Assert.Equal(isDirect, settings.For(host, port) is null);
    }

    [Fact]
    public void A_machine_of_the_map_is_excepted_by_its_address_too()
    {
        ProxySettings settings = new ProxySettings(HttpProxy.Parse("proxy:1")).WithExceptions(Environment("no_proxy=10.0.0.0/8"));
        RelayNode node = new() { Name = "a", HostName = "relay.example", Ipv4 = CoreTesting.Address("10.1.2.3:0") };

        Assert.Null(settings.For(node));
        Assert.NotNull(settings.For(node with { Ipv4 = CoreTesting.Address("11.1.2.3:0") }));
        Assert.Null(ProxySettings.None.For(node with { Ipv4 = default }));
    }

    private static Func<string, string?> Environment(string variables)
    {
        Dictionary<string, string> set = variables.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(entry => entry.Split('=', 2)).ToDictionary(entry => entry[0], entry => entry[1]);
        return set.GetValueOrDefault;
    }
}
