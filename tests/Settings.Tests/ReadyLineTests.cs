using System.Text;

namespace Settings.Tests;

public sealed class ReadyLineTests
{
    [Fact]
    public void It_is_one_line_of_json()
    {
        using MemoryStream output = new();

        ReadyLine.Write(output, ["tcp://127.0.0.1:3340", "udp://[::1]:3478"], ("key", "a+b="));

        Assert.Equal("""{"ready":true,"listen":["tcp://127.0.0.1:3340","udp://[::1]:3478"],"key":"a+b="}""" + "\n", Encoding.UTF8.GetString(output.ToArray()));
    }
}
