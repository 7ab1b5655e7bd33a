using System.Buffers;
using MessagePack;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Extensions;

/// <summary>
/// Token, a frame of ours: the client shows a token that lets it use the relay. It comes after ServerInfo, from a client that was refused
/// without one or whose token is about to run out. Its body is a MessagePack map: 1 = the token (text).
/// </summary>
public static class TokenFrame
{
    /// <summary>The longest token, in characters: twice what any of ours has.</summary>
    public const int MaxTokenLength = 4 << 10;

    /// <summary>The longest body, in bytes.</summary>
    public const int MaxBodyLength = MaxTokenLength + 64;

    private const int TokenField = 1;
    private const int MaxFields = 8; // Some room for later versions.

    /// <summary>The whole frame.</summary>
    /// <exception cref="ArgumentException">The token is longer than <see cref="MaxTokenLength"/>.</exception>
    public static byte[] Of(string token)
    {
        if (token.Length > MaxTokenLength) throw new ArgumentException($"A token has at most {MaxTokenLength} characters.", nameof(token));
        ArrayBufferWriter<byte> body = new();
        MessagePackWriter writer = new(body);
        writer.WriteMapHeader(1);
        writer.Write(TokenField);
        writer.Write(token);
        writer.Flush();
        byte[] frame = new byte[FrameHeader.Length + body.WrittenCount];
        FrameHeader.Write(frame, FrameType.Token, body.WrittenCount);
        body.WrittenSpan.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    /// <summary>Reads the body.</summary>
    /// <returns>False where it is malformed, too long, or holds no token.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out string token)
    {
        token = "";
        if (body.Length > MaxBodyLength) return false;
        try
        {
            MessagePackReader reader = new(body.ToArray());
            int count = reader.ReadMapHeader();
            if (count > MaxFields) return false;
            for (int i = 0; i < count; i++)
            {
                if (reader.ReadInt32() == TokenField) token = reader.ReadString() ?? "";
                else reader.Skip();
            }

            return token.Length is > 0 and <= MaxTokenLength;
        }
        catch (Exception exception) when (exception is MessagePackSerializationException or EndOfStreamException or OverflowException)
        {
            return false;
        }
    }
}
