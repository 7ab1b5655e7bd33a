using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Tests;

public class MoveFrameTests
{
    private static readonly MoveFrame Example = new(901, "901b", TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30));

    [Fact]
    public void It_is_a_map_with_small_keys() =>
        Assert.Equal("4100000012" + "84" + "01cd0385" + "02a439303162" + "03ccfa" + "04cd7530", Convert.ToHexStringLower(Example.ToFrame()));

    [Fact]
    public void It_comes_back_as_it_was_and_another_may_be_left_open()
    {
        foreach (MoveFrame move in (MoveFrame[])[Example, new(0, "", TimeSpan.Zero, TimeSpan.Zero)])
        {
            Assert.True(MoveFrame.TryRead(move.ToFrame().AsSpan(FrameHeader.Length), out MoveFrame? read));
            Assert.Equal(move, read);
        }

        Assert.True(MoveFrame.TryRead([0x80], out MoveFrame? empty));
        Assert.Equal(new MoveFrame(0, "", TimeSpan.Zero, TimeSpan.Zero), empty);
    }

    [Fact]
    public void Fields_of_later_versions_are_skipped_and_times_are_bounded()
    {
        Assert.True(MoveFrame.TryRead([0x82, 0x09, 0x93, 1, 2, 3, 0x03, 0xce, 0x7f, 0xff, 0xff, 0xff], out MoveFrame? move));

        Assert.Equal(MoveFrame.MaxDuration, move!.BeginIn);
    }

    [Fact]
    public void Damage_never_throws()
    {
        byte[] body = Example.ToFrame()[FrameHeader.Length..];
        for (int length = 0; length < body.Length; length++) Assert.False(MoveFrame.TryRead(body.AsSpan(0, length), out _));
        Random random = new(4);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] damaged = body.ToArray();
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            MoveFrame.TryRead(damaged, out _);
        }

        Assert.False(MoveFrame.TryRead(new byte[MoveFrame.MaxBodyLength + 1], out _));
        Assert.False(MoveFrame.TryRead([0x81, 0x02, 0xda, 0x01, 0x00, .. new byte[256]], out _));
    }
}
