using Node.Traversal.Core.PortMapping;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>What a gateway says unasked, by multicast, and what others say in its name.</summary>
public class AnnouncementTests
{
    [Theory]
    [InlineData(new byte[] { 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0, 0x80, 0, 0, 0, 0, 0, 1, 198, 51, 100, 7 })]
    public void A_gateway_that_announces_itself_is_asked_at_once(byte[] announcement)
    {
        SimGateway gateway = new();
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(20));
        gateway.Reboot();
        gateway.External = Address("198.51.100.7:40009");

        gateway.Mapper.HandleNotice(SimGateway.Gateway, announcement, gateway.Now);
        gateway.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal(gateway.External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void Announcements_change_nothing_by_themselves_and_floods_of_them_ask_little()
    {
        SimGateway gateway = new();
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(20));
        int before = gateway.Received.Count;
        byte[] nested = [0, 0x80, 0, 0, 0, 0, 0, 1, 10, 0, 0, 1];
        for (int i = 0; i < 1000; i++)
        {
            gateway.Mapper.HandleNotice(SimGateway.Gateway, nested, gateway.Now);
            gateway.Pass(Milliseconds(10));
        }

        Assert.Equal(Address("198.51.100.7:40000"), gateway.Mapper.Mapped);
        Assert.InRange(gateway.Received.Count - before, 1, 2);
        gateway.Mapper.HandleNotice(Address("192.168.1.9:5351"), nested, gateway.Now);
        gateway.Mapper.HandleNotice(SimGateway.Gateway, [9, 9], gateway.Now);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.WrongSource]);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.Malformed]);
    }

    [Fact]
    public void A_gateway_that_was_silent_is_asked_when_it_announces_itself()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromMinutes(30));
        gateway.HasPcp = true;

        gateway.Mapper.HandleNotice(SimGateway.Gateway, [2, 0x80, .. new byte[22]], gateway.Now);
        gateway.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal(gateway.External, gateway.Mapper.Mapped);
    }
}
