using System.Buffers;
using MessagePack;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Extensions;

/// <summary>
/// Move, a frame of ours: the relay is about to end, and asks the client to connect to another first and to leave then. Its body is a
/// MessagePack map: 1 = the region of the client's own map to go to (0 or absent = another), 2 = the machine in it (text, absent = any),
/// 3 = in how many milliseconds to begin, so that not all go at once, 4 = within how many it ends.
/// </summary>
/// <param name="RegionId">The region to go to; 0 = another, of the client's choice.</param>
/// <param name="NodeName">The machine of that region; empty = any.</param>
/// <param name="BeginIn">When to begin.</param>
/// <param name="EndsIn">When the relay ends.</param>
public sealed record MoveFrame(int RegionId, string NodeName, TimeSpan BeginIn, TimeSpan EndsIn)
{
    /// <summary>The longest name of a machine, in characters: a host name's bound.</summary>
    public const int MaxNameLength = 253;

    /// <summary>The longest body, in bytes.</summary>
    public const int MaxBodyLength = 1024;

    /// <summary>The longest time that may be named: a day.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromDays(1);

    private const int RegionField = 1;
    private const int NodeField = 2;
    private const int BeginField = 3;
    private const int EndField = 4;
    private const int MaxFields = 16; // Some room for later versions.

    /// <summary>The whole frame.</summary>
    /// <exception cref="ArgumentException">The name is longer than <see cref="MaxNameLength"/>.</exception>
    public byte[] ToFrame()
    {
        if (NodeName.Length > MaxNameLength) throw new ArgumentException($"A machine's name has at most {MaxNameLength} characters.");
        ArrayBufferWriter<byte> body = new();
        MessagePackWriter writer = new(body);
        writer.WriteMapHeader(4);
        writer.Write(RegionField);
        writer.Write(RegionId);
        writer.Write(NodeField);
        writer.Write(NodeName);
        writer.Write(BeginField);
        writer.Write((int)Bounded(BeginIn).TotalMilliseconds);
        writer.Write(EndField);
        writer.Write((int)Bounded(EndsIn).TotalMilliseconds);
        writer.Flush();
        byte[] frame = new byte[FrameHeader.Length + body.WrittenCount];
        FrameHeader.Write(frame, FrameType.Move, body.WrittenCount);
        body.WrittenSpan.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    /// <summary>Reads the body. Times that are longer than any relay drains are cut.</summary>
    /// <returns>False where it is malformed or too long.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out MoveFrame? move)
    {
        move = null;
        if (body.Length > MaxBodyLength) return false;
        try
        {
            MessagePackReader reader = new(body.ToArray());
            int count = reader.ReadMapHeader();
            if (count > MaxFields) return false;
            MoveFrame read = new(0, "", TimeSpan.Zero, TimeSpan.Zero);
            for (int i = 0; i < count; i++)
            {
                switch (reader.ReadInt32())
                {
                    case RegionField: read = read with { RegionId = reader.ReadInt32() }; break;
                    case NodeField: read = read with { NodeName = reader.ReadString() ?? "" }; break;
                    case BeginField: read = read with { BeginIn = Bounded(TimeSpan.FromMilliseconds(reader.ReadInt32())) }; break;
                    case EndField: read = read with { EndsIn = Bounded(TimeSpan.FromMilliseconds(reader.ReadInt32())) }; break;
                    default: reader.Skip(); break;
                }
            }

            if (read.NodeName.Length > MaxNameLength) return false;
            move = read;
            return true;
        }
        catch (Exception exception) when (exception is MessagePackSerializationException or EndOfStreamException or OverflowException)
        {
            return false;
        }
    }

    private static TimeSpan Bounded(TimeSpan duration) => duration < TimeSpan.Zero ? TimeSpan.Zero : duration < MaxDuration ? duration : MaxDuration;
}
