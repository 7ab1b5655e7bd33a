using System.Text;
using Node.Traversal.Core.Proxies;

namespace Node.Traversal.Tests.Core.Proxies;

public class ProxyHandshakeTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 Connection established\r\n\r\n")]
    [InlineData("HTTP/1.0 200\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\nVia: x\n\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nProxy-Agent: tinyproxy/1.11.1\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")]
    public void A_proxy_that_lets_us_through_is_understood_however_its_answer_is_cut(string answer)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(answer);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            ProxyHandshake handshake = new(hasCredentials: false);
            int consumed = handshake.Receive(bytes.AsSpan(0, cut));
            consumed += handshake.Receive(bytes.AsSpan(consumed));

            Assert.Equal((ProxyStep.Open, bytes.Length), (handshake.Step, consumed));
        }
    }

    [Fact]
    public void What_follows_the_answer_is_not_consumed()
    {
        ProxyHandshake handshake = new(hasCredentials: false);

        Assert.Equal(19, handshake.Receive("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 407"u8));
        Assert.Equal(ProxyStep.Open, handshake.Step);
    }

    [Theory]
    [InlineData("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", false, true, "wants a user name and password (407)")]
    [InlineData("HTTP/1.1 407 No\r\n\r\n", false, true, "wants a user name and password (407)")]
    [InlineData("HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\n\r\n", false, true, "only Basic")]
    [InlineData("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n", true, true, "does not accept the user name and password")]
    [InlineData("HTTP/1.0 401 Unauthorized\r\n\r\n", true, true, "does not accept the user name and password it was given (401)")]
    [InlineData("HTTP/1.1 403 Filtered\r\n\r\n", false, false, "refuses with 403 Filtered")]
    [InlineData("HTTP/1.1 502 Bad\u001b[31m\r\n\r\n", false, false, "refuses with 502 Bad?[31m")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://portal/\r\n\r\n", false, false, "refuses with 302 Found")]
    [InlineData("SSH-2.0-OpenSSH\r\n", false, false, "does not answer in HTTP")]
    [InlineData("HTTP/2 200\r\n\r\n", false, false, "does not answer in HTTP")]
    [InlineData("HTTP/1.1 999 No\r\n\r\n", false, false, "does not answer in HTTP")]
    [InlineData("HTTP/1.1 20\r\n\r\n", false, false, "does not answer in HTTP")]
    [InlineData("HTTP/1.1 200OK\r\n\r\n", false, false, "does not answer in HTTP")]
    public void A_refusal_is_said_plainly(string answer, bool hasCredentials, bool isForCredentials, string problem)
    {
        ProxyHandshake handshake = new(hasCredentials);

        handshake.Receive(Encoding.ASCII.GetBytes(answer));

        Assert.Equal((ProxyStep.Refused, isForCredentials), (handshake.Step, handshake.IsForCredentials));
        Assert.Contains(problem, handshake.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_without_end_is_cut_off()
    {
        ProxyHandshake handshake = new(hasCredentials: false);
        byte[] endless = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("X: y\r\n", 2000)));

        Assert.Equal(0, handshake.Receive(endless.AsSpan(0, 8191)));
        Assert.Equal(ProxyStep.Waiting, handshake.Step);
        handshake.Receive(endless.AsSpan(0, 8192));
        Assert.Equal(ProxyStep.Refused, handshake.Step);
    }
}
