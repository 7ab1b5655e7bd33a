using Relay.Server.Shards;
using Timing;

namespace Relay.Server.Tests.Shards;

public sealed class GatheringTests
{
    private static readonly TimeSpan Longest = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan Round = TimeSpan.FromMicroseconds(50);

    private readonly Gathering _gathering = new(Longest);
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(1);

    [Fact]
    public void Nothing_waits_where_packets_are_few()
    {
        Run(rounds: 10_000, packets: 1, sends: 1, every: TimeSpan.FromMicroseconds(20)); // 50,000 a second.

        Assert.False(_gathering.IsOn);
    }

    [Fact]
    public void Nothing_waits_where_a_send_takes_many_packets_already()
    {
        Run(rounds: 10_000, packets: 40, sends: 8, Round);

        Assert.False(_gathering.IsOn);
    }

    [Fact]
    public void It_goes_on_for_as_long_as_it_brings_packets_together()
    {
        for (int i = 0; i < 1000 && !_gathering.IsOn; i++) Run(rounds: 1, packets: 6, sends: 6, Round);
        Assert.True(_gathering.IsOn);

        Run(rounds: 10_000, packets: 24, sends: 8, Round * 4);
        Assert.True(_gathering.IsOn);

        Run(rounds: 1000, packets: 1, sends: 1, Round * 4);
        Assert.False(_gathering.IsOn);
    }

    [Fact]
    public void Where_each_packet_goes_another_way_it_soon_waits_hardly_ever()
    {
        int waits = Run(rounds: 100_000, packets: 6, sends: 6, Round); // Five seconds.

        Assert.InRange(waits, 1, 10_000);
        Assert.InRange(Run(rounds: 1_000_000, packets: 6, sends: 6, Round), 1, 5_000);
    }

    [Fact]
    public void It_can_be_turned_off()
    {
        Gathering off = new(TimeSpan.Zero);

        for (int i = 0; i < 10_000; i++) Assert.Equal(TimeSpan.Zero, off.HandleRound(6, 6, _now += Round));
    }

    private int Run(int rounds, int packets, int sends, TimeSpan every)
    {
        int waits = 0;
        for (int i = 0; i < rounds; i++)
        {
            if (_gathering.HandleRound(packets, sends, _now += every) > TimeSpan.Zero) waits++;
        }

        return waits;
    }
}
