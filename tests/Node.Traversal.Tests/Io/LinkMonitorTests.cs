using System.Buffers.Binary;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Io;
using Node.Traversal.Messages;
using Timing;

namespace Node.Traversal.Tests.Io;

public class LinkMonitorTests
{
    [Theory]
    [InlineData(16, true)] // RTM_NEWLINK
    [InlineData(20, true)] // RTM_NEWADDR
    [InlineData(21, true)] // RTM_DELADDR
    [InlineData(24, true)] // RTM_NEWROUTE
    [InlineData(25, true)] // RTM_DELROUTE
    [InlineData(28, false)] // RTM_NEWNEIGH
    [InlineData(3, false)] // NLMSG_DONE
    public void What_the_kernel_says_of_links_addresses_and_routes_counts(int type, bool tells) =>
        Assert.Equal(tells, NetlinkMessage.TellsOfChange(Message(type, 24)));

    [Fact]
    public void A_change_behind_another_notice_is_found() =>
        Assert.True(NetlinkMessage.TellsOfChange([.. Message(28, 18), 0, 0, .. Message(20, 20)]));

    [Fact]
    public void What_is_cut_off_or_claims_too_much_is_no_notice_and_any_bytes_do_no_harm()
    {
        Assert.False(NetlinkMessage.TellsOfChange(Message(20, 24).AsSpan(0, 15)));
        byte[] tooLong = Message(28, 24);
        BitConverter.TryWriteBytes(tooLong, 4_000_000_000u);
        Assert.False(NetlinkMessage.TellsOfChange(tooLong));
        byte[] tooShort = Message(28, 24);
        BitConverter.TryWriteBytes(tooShort, 3u);
        Assert.False(NetlinkMessage.TellsOfChange(tooShort));

        Random random = new(1);
        byte[] noise = new byte[512];
        for (int i = 0; i < 2000; i++)
        {
            random.NextBytes(noise);
            BinaryPrimitives.WriteInt32LittleEndian(noise, random.Next(0, 64));
            NetlinkMessage.TellsOfChange(noise.AsSpan(0, random.Next(noise.Length)));
        }
    }

    [Fact]
    public void A_wall_clock_that_ran_ahead_or_a_timer_that_is_far_too_late_is_a_sleep()
    {
        Clock clock = new();
        SleepWatch watch = new(clock);
        TimeSpan interval = TimeSpan.FromSeconds(2);

        clock.Advance(wall: TimeSpan.FromSeconds(2), monotonic: TimeSpan.FromSeconds(2));
        Assert.False(watch.HasSlept(interval));
        clock.Advance(wall: TimeSpan.FromSeconds(4), monotonic: TimeSpan.FromSeconds(4)); // A busy machine.
        Assert.False(watch.HasSlept(interval));
        clock.Advance(wall: TimeSpan.FromMinutes(10), monotonic: TimeSpan.FromSeconds(2)); // Linux's monotonic clock sleeps too.
        Assert.True(watch.HasSlept(interval));
        clock.Advance(wall: TimeSpan.FromMinutes(10), monotonic: TimeSpan.FromMinutes(10)); // Others' does not.
        Assert.True(watch.HasSlept(interval));
        clock.Advance(wall: TimeSpan.FromSeconds(2), monotonic: TimeSpan.FromSeconds(2));
        Assert.False(watch.HasSlept(interval));
        clock.Advance(wall: TimeSpan.FromHours(-1), monotonic: TimeSpan.FromSeconds(2)); // Set back by hand.
        Assert.False(watch.HasSlept(interval));
    }

    [Fact]
    public async Task Notices_are_listened_for_and_the_end_is_prompt()
    {
        int told = 0;
        await using LinkMonitor monitor = new([], allowLoopback: true, () => 0, TimeProvider.System, new Faults(new TraversalCounters(), NullLogger.Instance, MonotonicClock.System), _ => told++, _ => { }, () => { });
        Assert.Equal(1, told); // The first look.
    }

    private static byte[] Message(int type, int length)
    {
        byte[] message = new byte[length];
        BitConverter.TryWriteBytes(message, (uint)length);
        BitConverter.TryWriteBytes(message.AsSpan(4), (ushort)type);
        return message;
    }

    private sealed class Clock : TimeProvider
    {
        private DateTimeOffset _wall = DateTimeOffset.UnixEpoch.AddYears(50);
        private long _monotonic;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan wall, TimeSpan monotonic)
        {
            _wall += wall;
            _monotonic += monotonic.Ticks;
        }

        public override DateTimeOffset GetUtcNow() => _wall;

        public override long GetTimestamp() => _monotonic;
    }
}
