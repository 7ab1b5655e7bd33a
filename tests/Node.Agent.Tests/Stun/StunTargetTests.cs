using CsCheck;
using Node.Agent.Stun;

namespace Node.Agent.Tests.Stun;

public class StunTargetTests
{
    [Theory]
    [InlineData("stun.example.net", "stun.example.net", null, false)]
    [InlineData("stun.example.net:19302", "stun.example.net", 19302, false)]
    [InlineData("192.0.2.1", "192.0.2.1", null, false)]
    [InlineData("192.0.2.1:3479", "192.0.2.1", 3479, false)]
    [InlineData("2001:db8::1", "2001:db8::1", null, false)]
    [InlineData("[2001:db8::1]", "2001:db8::1", null, false)]
    [InlineData("[2001:db8::1]:5349", "2001:db8::1", 5349, false)]
    [InlineData("stun:stun.example.net", "stun.example.net", null, false)]
    [InlineData("STUNS:stun.example.net:443", "stun.example.net", 443, true)]
    [InlineData("localhost", "localhost", null, false)]
    public void A_server_is_read(string text, string host, int? port, bool isTls)
    {
        Assert.True(StunTarget.TryParse(text, out StunTarget target));
        Assert.Equal(new StunTarget(host, (ushort?)port, isTls), target);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":3478")]
    [InlineData("stun:")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:+1")]
    [InlineData("host name")]
    [InlineData("http://host")]
    [InlineData("256.1.1.1")]
    [InlineData("1.2.3")]
    [InlineData("[192.0.2.1]:3478")]
    [InlineData("[2001:db8::1")]
    [InlineData("[]:1")]
    [InlineData("-host")]
    public void What_is_no_server_is_refused(string text) => Assert.False(StunTarget.TryParse(text, out _));

    [Fact]
    public void Any_text_is_taken_without_harm() => Gen.String.Sample(text => StunTarget.TryParse(text, out StunTarget target) == target.Host.Length > 0);
}
