using Addresses;
using Node.Traversal.Core.PortMapping;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>Mappings asked for, held, renewed and given back, by an honest gateway.</summary>
public class PortMapperTests
{
    private static readonly TransportAddress External = Address("198.51.100.7:40000");

    [Fact]
    public void Both_protocols_are_asked_at_once_and_PCP_is_preferred()
    {
        SimGateway gateway = new();
        gateway.Connect();

        Assert.Equal([2, 0], gateway.Received.Select(request => (int)request[0]));
        Assert.Equal(External, gateway.Mapper.Mapped);
        Assert.Equal(PortMappingState.Mapped, gateway.Mapper.Status.State);
        Assert.Equal(TimeSpan.FromHours(2), gateway.Mapper.Status.Pcp?.Lifetime);
        Assert.Single(gateway.Maps);
    }

    [Fact]
    public void Without_PCP_the_port_is_mapped_by_NAT_PMP_after_a_second()
    {
        SimGateway gateway = new() { HasPcp = false };
        gateway.Connect();
        Assert.False(gateway.Mapper.Mapped.IsValid);

        gateway.Pass(PortMapper.Grace);

        Assert.Equal(External, gateway.Mapper.Mapped);
        Assert.Equal([0, 1, 0, 0, 0x13, 0x88, 0x13, 0x88, 0, 0, 0x1c, 0x20], gateway.Maps.Last());
    }

    [Fact]
    public void A_gateway_that_says_it_knows_only_NAT_PMP_is_mapped_by_it_at_once()
    {
        SimGateway gateway = new() { HasPcp = false };
        gateway.Connect();
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, [0, 0x81, 0, 1, 0, 0, 0, 9], gateway.Now);
        gateway.Exchange();

        Assert.Equal(External, gateway.Mapper.Mapped);
        Assert.Equal(PortMappingAnswer.Absent, gateway.Mapper.Status.Pcp?.Answer);
    }

    [Fact]
    public void Silence_is_asked_again_on_the_schedules_of_the_RFCs_and_then_told()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        List<double> pcp = [], natPmp = [];
        for (int i = 0; i < 18; i++)
        {
            int before = gateway.Received.Count;
            gateway.Pass(gateway.Mapper.NextTimeout!.Value - gateway.Now);
            foreach (byte[] request in gateway.Received.Skip(before)) (request[0] == 2 ? pcp : natPmp).Add((gateway.Now - Start).TotalSeconds);
        }

        Assert.Equal([0.25, 0.75, 1.75, 3.75, 7.75], natPmp.Take(5));
        Assert.InRange(pcp[0], 2.7, 3.3);
        Assert.InRange(pcp[1] - pcp[0], 2 * 2.7 * 0.9, 2 * 3.3 * 1.1);
        Assert.Equal(PortMappingState.NotMapped, gateway.Mapper.Status.State);
        Assert.Equal(PortMappingAnswer.Silent, gateway.Mapper.Status.Pcp?.Answer);
        Assert.Equal(PortMappingAnswer.Silent, gateway.Mapper.Status.NatPmp?.Answer);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_lease_is_renewed_after_half_its_life_with_the_same_nonce(bool hasPcp)
    {
        SimGateway gateway = new() { HasPcp = hasPcp };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(3));
        byte[] first = gateway.Maps.Last();
        int before = gateway.Maps.Count(request => hasPcp || request[0] == 0);

        gateway.Pass(TimeSpan.FromSeconds(3590));
        Assert.Equal(before, gateway.Maps.Count(request => hasPcp || request[0] == 0));
        gateway.Pass(TimeSpan.FromSeconds(920)); // A half, and at most an eighth.

        Assert.Equal(before + 1, gateway.Maps.Count(request => hasPcp || request[0] == 0));
        if (hasPcp) Assert.Equal(first[24..36], gateway.Maps.Last()[24..36]);
        Assert.Equal(External, gateway.Mapper.Mapped);
        gateway.Pass(TimeSpan.FromHours(10));
        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void A_gateway_that_falls_silent_costs_the_mapping_when_the_lease_is_over()
    {
        SimGateway gateway = new();
        gateway.Connect();
        gateway.HasPcp = gateway.HasNatPmp = false;

        gateway.Pass(TimeSpan.FromSeconds(7199));
        Assert.Equal(External, gateway.Mapper.Mapped);
        gateway.Pass(TimeSpan.FromSeconds(2));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.InRange(gateway.Received.Count, 1, 200); // Two hours of a check a minute, and few renewals.
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_restarted_gateway_is_asked_again_within_a_minute(bool hasPcp)
    {
        SimGateway gateway = new() { HasPcp = hasPcp };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromMinutes(10));
        gateway.Reboot();
        gateway.External = Address("198.51.100.7:40001");

        gateway.Pass(TimeSpan.FromSeconds(61));

        Assert.Equal(gateway.External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void A_steady_gateway_is_never_taken_for_a_restarted_one()
    {
        SimGateway gateway = new();
        gateway.Connect();
        gateway.Pass(TimeSpan.FromMinutes(55));

        Assert.Single(gateway.Maps);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_mapping_is_given_back_at_the_end(bool hasPcp)
    {
        SimGateway gateway = new() { HasPcp = hasPcp };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(2));
        byte[] map = gateway.Maps.Last();

        gateway.Mapper.HandleRelease();
        gateway.Exchange();

        Assert.True(SimGateway.IsDeletion(gateway.Maps.Last()));
        if (hasPcp) Assert.Equal(map[24..36], gateway.Maps.Last()[24..36]); // With another nonce the gateway would refuse.
        Assert.Null(gateway.Mapper.NextTimeout);
        Assert.False(gateway.Mapper.Mapped.IsValid);
    }

    [Fact]
    public void Another_network_is_asked_anew_and_none_at_all_is_told()
    {
        SimGateway gateway = new();
        gateway.Connect();

        gateway.Mapper.HandleNetwork(Address("10.0.0.1:0"), Address("10.0.0.2:5000"), gateway.Now);
        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(PortMappingState.Asking, gateway.Mapper.Status.State);

        gateway.Mapper.HandleNetwork(default, default, gateway.Now);
        Assert.Equal(PortMappingStatus.NoGateway, gateway.Mapper.Status);
        Assert.Null(gateway.Mapper.NextTimeout);
    }

    [Fact]
    public void A_closed_port_leaves_UPnP()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();

        gateway.Mapper.HandleClosed(gateway.Now);
        Assert.False(gateway.Mapper.IsSettled); // A gateway without that port may speak UPnP.
        gateway.Pass(TimeSpan.FromSeconds(4));

        Assert.True(gateway.Mapper.IsSettled);
        Assert.Equal(PortMappingState.NotMapped, gateway.Mapper.Status.State);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(true, 8)]
    [InlineData(false, 2)]
    [InlineData(false, 4)]
    public void A_refusal_is_remembered_and_asked_again_ever_more_rarely(bool hasPcp, byte result)
    {
        SimGateway gateway = new() { HasPcp = hasPcp, Result = result };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));
        Assert.Equal(PortMappingState.NotMapped, gateway.Mapper.Status.State);

        gateway.Pass(TimeSpan.FromHours(6));
        Assert.InRange(gateway.Received.Count, 4, 80);

        gateway.Result = 0;
        gateway.Pass(TimeSpan.FromMinutes(31) + TimeSpan.FromHours(1));
        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Theory]
    [InlineData(true, "10.1.2.3:40000")]
    [InlineData(true, "100.64.1.2:40000")]
    [InlineData(true, "0.0.0.0:40000")]
    [InlineData(true, "127.0.0.1:40000")]
    [InlineData(true, "169.254.1.1:40000")]
    [InlineData(true, "224.0.0.1:40000")]
    [InlineData(true, "[2001:db8::1]:40000")]
    [InlineData(false, "192.168.0.2:40000")]
    [InlineData(false, "100.127.255.254:40000")]
    [InlineData(false, "0.0.0.0:40000")]
    public void An_external_address_that_is_none_counts_as_not_mapped(bool hasPcp, string external)
    {
        SimGateway gateway = new() { HasPcp = hasPcp, HasNatPmp = !hasPcp, External = Address(external) };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(4));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(PortMappingState.NestedNat, gateway.Mapper.Status.State);
        if (hasPcp) Assert.True(SimGateway.IsDeletion(gateway.Maps.Last())); // Its entry is given back.
        else Assert.DoesNotContain(gateway.Maps, request => request[0] == 0);
    }
}
