using System.Text;
using Relay.Protocol.Handshake;

namespace Relay.Protocol.Tests;

public class ClientHandshakeTests
{
    private const string Response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n\r\n";

    [Fact]
    public void A_login_is_byte_exact_and_leaves_what_lies_behind_it()
    {
        ClientHandshake handshake = New();
        Assert.StartsWith("GET /derp HTTP/1.1\r\nHost: relay.example\r\n", Encoding.ASCII.GetString(handshake.TakeOutput()!), StringComparison.Ordinal);
        byte[] input = [.. FromServer(), 6, 0, 0, 0, 0];

        int first = handshake.Receive(input);
        Assert.Equal("020000006807a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c000102030405060708090a0b0c0d0e0f10111213141516179394576c8429009db3d29decb4f921a2d7cf04739c4950960d7220c58b39dca81acb34e8d3369e9911a5790a0c8d848e", Golden.Hex(handshake.TakeOutput()));

        Assert.Equal(input.Length - 5, first);
        Assert.True(handshake.IsComplete);
        Assert.Equal(Golden.Server.PublicKey, handshake.ServerKey);
        Assert.Equal(new ServerInfo(), handshake.ServerInfo);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("901a", true)]
    public void A_relay_is_told_that_another_of_its_region_would_be_the_right_one(string? idealNode, bool isTold)
    {
        byte[] head = New(idealNode).TakeOutput()!;

        Assert.True(UpgradeRequest.TryRead(head, out UpgradeRequest request));
        Assert.Equal((true, isTold, head.Length), (request.IsDerp, request.IsNotIdeal, request.Length));
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a\r\nHost: other")]
    public void A_name_that_would_end_up_as_other_fields_is_refused(string idealNode) => Assert.Throws<ArgumentException>(() => New(idealNode));

    [Fact]
    public void It_may_come_a_byte_at_a_time()
    {
        ClientHandshake handshake = New();
        byte[] held = [];
        foreach (byte one in FromServer())
        {
            held = [.. held, one];
            held = held[handshake.Receive(held)..];
        }

        Assert.True(handshake.IsComplete);
        Assert.Empty(held);
    }

    [Theory]
    [InlineData("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot\u0007 today", "403: not  today")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "200")]
    [InlineData("SSH-2.0-OpenSSH\r\n\r\n", "no HTTP")]
    public void A_refusal_is_told_with_its_reason(string answer, string reason)
    {
        RelayProtocolException exception = Assert.Throws<RelayProtocolException>(() => New().Receive(Encoding.Latin1.GetBytes(answer)));

        Assert.Contains(reason, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Damaged_answers_throw_nothing_but_a_protocol_error()
    {
        Random random = new(11);
        byte[] session = FromServer();
        for (int i = 0; i < 5000; i++)
        {
            byte[] damaged = session.ToArray();
            for (int j = random.Next(1, 4); j > 0; j--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                New().Receive(damaged.AsSpan(0, random.Next(damaged.Length + 1)));
            }
            catch (RelayProtocolException exception)
            {
                Assert.NotEmpty(exception.Message);
            }
        }
    }

    private static ClientHandshake New(string? idealNode = null) => new(Golden.Client, "relay.example", new ClientInfo(), Golden.FirstNonce, idealNode: idealNode);

    private static byte[] FromServer()
    {
        byte[] key = new byte[ServerKeyFrame.Length];
        ServerKeyFrame.Write(key, Golden.Server.PublicKey);
        return [.. Encoding.ASCII.GetBytes(Response), .. key, .. new ServerInfo().ToFrame(Golden.Server, Golden.Client.PublicKey, Golden.SecondNonce)];
    }
}
