using Addresses;
using CsCheck;
using Node.Traversal.Core.PortMapping;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>The LAN is hostile: one test a line of what a gateway, or one that would be it, may try.</summary>
public class HostileGatewayTests
{
    private static readonly TransportAddress External = Address("198.51.100.7:40000");

    [Theory]
    [InlineData("192.168.1.2:5351")] // Another host of the LAN.
    [InlineData("192.168.1.1:5350")] // Another port of the gateway.
    [InlineData("198.51.100.9:5351")]
    public void Only_the_gateways_port_5351_is_listened_to(string source)
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.HasPcp = gateway.HasNatPmp = true;
        foreach (byte[] request in gateway.Received) gateway.Mapper.HandleDatagram(Address(source), gateway.Answer(request)!, gateway.Now);

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(2, gateway.Mapper.Drops[PortMapDrop.WrongSource]);
    }

    [Fact]
    public void Another_nonce_is_another_s_mapping()
    {
        SimGateway gateway = Unanswered(out byte[] request);
        byte[] answer = gateway.Answer(request)!;
        answer[30] ^= 1;
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, answer, gateway.Now);

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.WrongNonce]);
    }

    [Fact]
    public void An_error_with_another_nonce_takes_nothing_away()
    {
        SimGateway gateway = new();
        gateway.Connect();
        gateway.Result = 2;
        byte[] answer = gateway.Answer(gateway.Maps.First())!;
        answer[30] ^= 1;
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, answer, gateway.Now);

        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Theory]
    [InlineData(36, 6)] // TCP.
    [InlineData(41, 1)] // Another internal port.
    public void A_mapping_of_something_else_is_not_ours(int offset, byte value)
    {
        SimGateway gateway = Unanswered(out byte[] request);
        byte[] answer = gateway.Answer(request)!;
        answer[offset] = value;
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, answer, gateway.Now);

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.WrongMapping]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_port_than_the_suggested_one_is_taken(bool hasPcp)
    {
        SimGateway gateway = new() { HasPcp = hasPcp, External = Address("198.51.100.7:1") };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(2));

        Assert.Equal(gateway.External, gateway.Mapper.Mapped);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(false, 29)]
    public void A_lifetime_too_short_to_hold_is_no_mapping_and_no_flood(bool hasPcp, uint lifetime)
    {
        SimGateway gateway = new() { HasPcp = hasPcp, HasNatPmp = !hasPcp, Lifetime = lifetime };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromMinutes(10));

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.InRange(gateway.Received.Count, 1, 40);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_lifetime_without_end_is_renewed_within_a_day(bool hasPcp)
    {
        SimGateway gateway = new() { HasPcp = hasPcp, Lifetime = uint.MaxValue };
        gateway.Connect();
        gateway.Pass(TimeSpan.FromSeconds(2));
        int maps = gateway.Maps.Count();

        gateway.Pass(TimeSpan.FromHours(24));

        Assert.True(gateway.Maps.Count() > maps);
        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void External_port_zero_is_no_mapping()
    {
        SimGateway gateway = new() { External = Address("198.51.100.7:0"), HasNatPmp = false };
        gateway.Connect();

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Contains("port 0", gateway.Mapper.Status.Pcp?.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void An_epoch_that_jumps_about_makes_us_no_source_of_floods()
    {
        SimGateway gateway = new();
        gateway.Connect();
        for (int i = 0; i < 1000; i++)
        {
            byte[] announce = [2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(i * 37), (byte)i, .. new byte[12]];
            gateway.Mapper.HandleDatagram(SimGateway.Gateway, announce, gateway.Now);
            gateway.Pass(Milliseconds(10));
        }

        Assert.InRange(gateway.Maps.Count(), 2, 4); // Ten seconds: one re-made mapping each ten.
        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void An_error_with_a_lifetime_without_end_is_forgotten_within_half_an_hour()
    {
        SimGateway gateway = new() { Result = 8, Lifetime = uint.MaxValue, HasNatPmp = false };
        gateway.Connect();
        gateway.Result = 0;

        gateway.Pass(TimeSpan.FromMinutes(31));

        Assert.Equal(External, gateway.Mapper.Mapped);
    }

    [Fact]
    public void What_was_not_asked_for_changes_nothing()
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, [0, 0x81, 0, 0, 0, 0, 0, 1, 0x13, 0x88, 0x9c, 0x40, 0, 0, 0x1c, 0x20], gateway.Now); // A mapping before the address was told.

        Assert.False(gateway.Mapper.Mapped.IsValid);
        Assert.Equal(1, gateway.Mapper.Drops[PortMapDrop.Unasked]);
    }

    [Fact]
    public void Garbage_and_floods_of_it_change_nothing_and_ask_for_nothing() => Gen.Byte.Array[0, 64].Array[1, 50].Sample(datagrams =>
    {
        SimGateway gateway = new();
        gateway.Connect();
        int before = gateway.Received.Count;
        foreach (byte[] datagram in datagrams)
        {
            // What begins as an answer of either protocol may be one: those are the tests above.
            if (datagram.Length > 1 && datagram[0] is 0 or 2 && (datagram[1] & 0x80) != 0) datagram[1] &= 0x7f;
            gateway.Mapper.HandleDatagram(SimGateway.Gateway, datagram, gateway.Now);
        }

        gateway.Exchange();
        Assert.Equal(before, gateway.Received.Count);
        Assert.Equal(External, gateway.Mapper.Mapped);
        Assert.Equal(datagrams.Length, Enum.GetValues<PortMapDrop>().Sum(reason => gateway.Mapper.Drops[reason]));
    });

    [Fact]
    public void Answers_with_flipped_bytes_never_throw() => Gen.Select(Gen.Bool, Gen.Select(Gen.Int[0, 59], Gen.Byte).Array[1, 6]).Sample((hasPcp, flips) =>
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.HasPcp = gateway.HasNatPmp = true;
        byte[] answer = gateway.Answer(gateway.Received[hasPcp ? 0 : 1])!;
        foreach ((int at, byte value) in flips) answer[at % answer.Length] = value;
        gateway.Mapper.HandleDatagram(SimGateway.Gateway, answer, gateway.Now);
        gateway.Pass(TimeSpan.FromMinutes(5));
    });

    private static SimGateway Unanswered(out byte[] request)
    {
        SimGateway gateway = new() { HasPcp = false, HasNatPmp = false };
        gateway.Connect();
        gateway.HasPcp = true;
        request = gateway.Maps.Single();
        return gateway;
    }
}
