using Node.Traversal.Core;
using Timing;

namespace Node.Traversal.Tests.Core;

public sealed class GatheringTests
{
    private readonly Gathering _gathering = new();
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(1);

    [Fact]
    public void What_comes_slowly_is_never_held_up()
    {
        for (int i = 0; i < 1000; i++) Assert.False(Carry(packets: 1, afterMicroseconds: 150));
    }

    [Fact]
    public void It_begins_at_the_rate_that_is_worth_it_and_ends_well_below()
    {
        Carry(packets: 1, afterMicroseconds: 5000);
        bool isOn = false;
        for (int i = 0; i < 120; i++) isOn = Carry(packets: 1, afterMicroseconds: 90);
        Assert.True(isOn);

        for (int i = 0; i < 120; i++) Assert.True(Carry(packets: 1, afterMicroseconds: 150)); // Else it would come and go.

        for (int i = 0; i < 60; i++) isOn = Carry(packets: 1, afterMicroseconds: 250);
        Assert.False(isOn);
    }

    [Fact]
    public void The_first_packets_after_a_silence_are_not_held_up()
    {
        for (int i = 0; i < 200; i++) Carry(packets: 10, afterMicroseconds: 100);
        Assert.True(Carry(packets: 10, afterMicroseconds: 100));

        Assert.False(Carry(packets: 1, afterMicroseconds: 1_000_000));
    }

    private bool Carry(int packets, int afterMicroseconds)
    {
        _now += TimeSpan.FromMicroseconds(afterMicroseconds);
        bool isWorthwhile = _gathering.IsWorthwhile(_now);
        _gathering.HandleRound(packets);
        return isWorthwhile;
    }
}
