using System.Buffers.Text;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>A token that changes while a relay is connected.</summary>
public sealed class RelayTokenRenewalTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);

    private readonly FakeTimeProvider _time = new(Start);
    private readonly List<string> _sent = [];
    private string? _token;

    [Fact]
    public void Another_token_is_shown_when_its_user_says_so_and_the_same_is_not()
    {
        _token = "one";
        using RelayTokenRenewal renewal = Begin();

        renewal.Renew();
        Assert.Empty(_sent);

        _token = "two";
        renewal.Renew();
        renewal.Renew();
        Assert.Equal(["two"], _sent);

        _token = null; // Its file is gone for a moment.
        _time.Advance(TimeSpan.FromMinutes(1));
        renewal.Renew();
        _token = new string('x', TokenFrame.MaxTokenLength + 1);
        renewal.Renew();
        Assert.Equal(["two"], _sent);
    }

    [Fact]
    public void However_often_it_changes_a_relay_is_shown_one_in_fifteen_seconds_and_the_last_in_the_end()
    {
        using RelayTokenRenewal renewal = Begin();

        for (int i = 0; i <= 60; i++)
        {
            _token = $"token{i}";
            renewal.Renew();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        _time.Advance(RelayTokenRenewal.LeastInterval);
        Assert.Equal(["token0", "token14", "token29", "token44", "token59", "token60"], _sent);
    }

    [Fact]
    public void Before_the_end_of_a_token_another_is_asked_for_until_there_is_one()
    {
        string first = _token = Jwt(Start.AddHours(1)), second = Jwt(Start.AddHours(2));
        using RelayTokenRenewal renewal = Begin();

        _token = "early";
        _time.Advance(TimeSpan.FromMinutes(57));
        Assert.Empty(_sent);
        _token = first;
        _time.Advance(TimeSpan.FromMinutes(1.5)); // Two minutes before its end, and there is none yet.
        _token = second;
        _time.Advance(RelayTokenRenewal.LeastInterval);

        Assert.Equal([second], _sent);
        renewal.Dispose();
        _token = "late";
        _time.Advance(TimeSpan.FromHours(2));
        Assert.Equal([second], _sent);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b")]
    [InlineData("a.!.c")]
    [InlineData("a.bm90IEpTT04.c")]
    [InlineData("a.W10.c")]
    [InlineData("a.eyJleHAiOiJzb29uIn0.c")]
    [InlineData("a.eyJleHAiOi0xfQ.c")]
    [InlineData("a.eyJleHAiOjFlOTl9.c")]
    public void What_does_not_say_when_it_ends_is_no_reason_to_ask(string token) => Assert.Null(TokenExpiry.Of(token));

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public async Task Only_a_relay_that_speaks_our_extensions_is_shown_a_token_on_the_connection_as_it_is(int extensions)
    {
        _token = "one";
        using ScriptedRelay relay = new();
        NodeKeyPair keys = CoreTesting.Keys(1);
        RelayRegion region = new() { Id = 901, Code = "test", Nodes = [relay.Node("901a")] };
        LoneReceiver receiver = new();
        await using RelayClient client = new(region, keys, ScriptedRelay.Dialer(keys, () => _token), receiver, MonotonicClock.System, new TraversalCounters(), NullLogger.Instance);

        client.Start();
        using ScriptedRelay.Connection accepted = await relay.AcceptAsync(extensions);
        Assert.Contains("Bearer one\r\n", accepted.Head, StringComparison.Ordinal);
        await receiver.Connected.WaitAsync(ScriptedRelay.Patience);
        _token = "two";
        client.RenewToken();
        client.SetHome(true); // Behind the token, if there is one.

        (FrameType type, byte[] body) = await accepted.ReadPastPingAsync();
        if (extensions > 0)
        {
            Assert.Equal(FrameType.Token, type);
            Assert.True(TokenFrame.TryRead(body, out string shown));
            Assert.Equal("two", shown);
            (type, _) = await accepted.ReadPastPingAsync();
        }

        Assert.Equal(FrameType.NotePreferred, type);
    }

    private RelayTokenRenewal Begin() => new(() => _token, _token, Take, new MonotonicClock(_time));

    private void Take(byte[] frame)
    {
        Assert.True(TokenFrame.TryRead(frame.AsSpan(FrameHeader.Length), out string token));
        _sent.Add(token);
    }

    private static string Jwt(DateTimeOffset expiry) => $"e30.{Base64Url.EncodeToString(Encoding.ASCII.GetBytes($"{{\"exp\":{expiry.ToUnixTimeSeconds()}}}"))}.c2ln";
}
