using Relay.Protocol.Disco;
using Relay.Protocol.Extensions;

namespace Relay.Protocol.Tests;

/// <summary>A body that is nothing but a box in a box: whoever reads it must not run out of stack, for that ends the process.</summary>
public class NestingTests
{
    private const int SmallStack = 256 << 10; // A thread of a shard or of the pool has at least this.

    [Theory]
    [InlineData(0x91)] // An array of one.
    [InlineData(0x81)] // A map of one, whose key is the next map.
    public void Boxes_in_boxes_are_refused(byte box)
    {
        byte[] token = Nested(box, TokenFrame.MaxTokenLength);
        byte[] candidates = [(byte)DiscoMessageType.Candidates, 0, .. Nested(box, AnnouncedCandidates.MaxLength - 2)];
        byte[] hello = [(byte)DiscoMessageType.Hello, 0, .. Nested(box, Hello.MaxLength - 2)];
        bool isAnyRead = true;
        Thread thread = new(() => isAnyRead = TokenFrame.TryRead(token, out _) || AnnouncedCandidates.TryRead(candidates, out _) || Hello.TryRead(hello, out _), SmallStack);

        thread.Start();
        thread.Join();

        Assert.False(isAnyRead);
    }

    /// <summary>A map of one, whose key means nothing to us, and whose value is as many boxes in each other as fit.</summary>
    private static byte[] Nested(byte box, int length)
    {
        byte[] body = new byte[length];
        Array.Fill(body, box);
        body[0] = 0x81;
        body[1] = 0x63;
        return body;
    }
}
