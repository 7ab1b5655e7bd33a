using Addresses;
using Relay.Protocol.Disco;

namespace Relay.Protocol.Tests;

public class PunchingPlanTests
{
    private static readonly PunchingPlan Plan = new()
    {
        Sender = Key(1),
        Receiver = Key(2),
        Counter = 7,
        Step = PunchingStep.Answer,
        Round = 3,
        Method = PunchingMethod.Window,
        IsSenderHard = true,
        Size = 504,
        Addresses = [TransportAddress.FromIpv4(0xc6120102, 5000), TransportAddress.FromIpv6(1, 6000)],
        FirstPort = 65000,
        PortStep = -2,
        PortCount = 5,
        StartsIn = TimeSpan.FromMilliseconds(20),
        HeldFor = TimeSpan.FromMilliseconds(1.5),
        OpenerHops = 3,
        IsOver = true,
    };

    [Fact]
    public void A_plan_reads_back_whole()
    {
        Assert.True(PunchingPlan.TryRead(Plan.ToMessage(), out PunchingPlan? read));

        Assert.Equal(Plan.Addresses, read!.Addresses);
        Assert.Equal(Plan with { Addresses = read.Addresses }, read);
    }

    [Fact]
    public void No_more_addresses_are_said_than_are_heard()
    {
        PunchingPlan many = Plan with { Addresses = [.. Enumerable.Range(1, 100).Select(i => TransportAddress.FromIpv4((uint)i << 24, 5000))] };

        Assert.True(PunchingPlan.TryRead(many.ToMessage(), out PunchingPlan? read));
        Assert.Equal(PunchingPlan.MaxAddresses, read!.Addresses.Count);
        Assert.InRange(many.ToMessage().Length, 1, PunchingPlan.MaxLength);
    }

    [Fact]
    public void What_cannot_be_is_refused()
    {
        Assert.False(PunchingPlan.TryRead((Plan with { StartsIn = PunchingPlan.MaxStartsIn + TimeSpan.FromSeconds(1) }).ToMessage(), out _));
        Assert.False(PunchingPlan.TryRead((Plan with { Step = (PunchingStep)9 }).ToMessage(), out _));
        Assert.False(PunchingPlan.TryRead((Plan with { Method = PunchingMethod.None }).ToMessage(), out _));
        Assert.False(PunchingPlan.TryRead((Plan with { Size = 70_000 }).ToMessage(), out _));
        Assert.False(PunchingPlan.TryRead((Plan with { Counter = -1 }).ToMessage(), out _));
        Assert.False(PunchingPlan.TryRead((Plan with { Sender = default }).ToMessage(), out _));
    }

    [Fact]
    public void Damaged_plans_never_throw()
    {
        Random random = new(1);
        byte[] message = Plan.ToMessage();
        for (int i = 0; i < 2000; i++)
        {
            byte[] damaged = [.. message];
            damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            _ = PunchingPlan.TryRead(damaged.AsSpan(0, random.Next(damaged.Length + 1)), out _);
        }
    }

    private static NodeKey Key(byte value)
    {
        byte[] bytes = new byte[NodeKey.Length];
        Array.Fill(bytes, value);
        return new NodeKey(bytes);
    }
}
