using CsCheck;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Tests;

public class FrameRingTests
{
    private const int MaxBytes = 10_000;

    [Fact]
    public void It_behaves_as_a_queue_of_frames_with_a_limit() => Gen.Int[0, 3].Select(Gen.Int[0, 3000]).Array[1, 200].Sample(steps =>
    {
        FrameRing ring = new(MaxBytes);
        Queue<byte[]> model = new();
        byte mark = 0;
        foreach ((int action, int size) in steps)
        {
            if (action <= 1)
            {
                byte[] frame = Frame(size, ++mark);
                bool fits = model.Sum(held => held.Length) + frame.Length <= MaxBytes;
                Assert.Equal(fits, ring.TryAppend(frame));
                if (fits) model.Enqueue(frame);
            }
            else if (action == 2 && model.Count > 0)
            {
                ring.DropOldest();
                model.Dequeue();
            }
            else
            {
                byte[] taken = new byte[size];
                List<byte> expected = [];
                while (model.TryPeek(out byte[]? front) && expected.Count + front.Length <= size) expected.AddRange(model.Dequeue());
                Assert.Equal(expected.Count, ring.Take(taken));
                Assert.Equal(expected, taken.Take(expected.Count));
            }

            Assert.Equal((model.Count, model.Sum(held => held.Length)), (ring.Count, ring.Length));
        }

        Assert.Equal(model.Count, ring.Clear());
        Assert.Equal(0, ring.Length);
    });

    private static byte[] Frame(int bodyLength, byte mark)
    {
        byte[] frame = new byte[FrameHeader.Length + bodyLength];
        FrameHeader.Write(frame, FrameType.RecvPacket, bodyLength);
        frame.AsSpan(FrameHeader.Length).Fill(mark);
        return frame;
    }
}
