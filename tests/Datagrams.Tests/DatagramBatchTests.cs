using Addresses;

namespace Datagrams.Tests;

public sealed class DatagramBatchTests
{
    [Fact]
    public void A_batch_refuses_what_it_has_no_room_for()
    {
        using var batch = new DatagramBatch(2, 10);

        Assert.False(batch.TryAdd(new byte[11], Loopback.AnyIpv4Port));
        Assert.True(batch.TryAdd(new byte[10], Loopback.AnyIpv4Port));
        Assert.True(batch.TryAdd([], Loopback.AnyIpv4Port));
        Assert.False(batch.TryAdd([1], Loopback.AnyIpv4Port));
        Assert.Equal(2, batch.Count);

        batch.Clear();
        Assert.Equal(0, batch.Count);
        Assert.True(batch.TryAdd([1], Loopback.AnyIpv4Port));
    }

    [Fact]
    public void Addresses_of_both_families_come_back_as_they_went_in()
    {
        TransportAddress four = TransportAddress.FromIpv4(0xc0000201, 41641);
        TransportAddress six = TransportAddress.FromIpv6(UInt128.Parse("20010db8000000000000000000000001", System.Globalization.NumberStyles.HexNumber), 3478);
        using var batch = new DatagramBatch();
        batch.TryAdd([1], four);
        batch.TryAdd([2], six);
        batch.TryAdd([3], default);

        Assert.Equal(four, batch.AddressOf(0));
        Assert.Equal(six, batch.AddressOf(1));
        Assert.False(batch.AddressOf(2).IsValid);

        batch.SetAddress(2, four);
        Assert.Equal(four, batch.AddressOf(2));
    }

    [Fact]
    public void Addresses_take_the_family_of_the_socket_where_they_can()
    {
        TransportAddress four = TransportAddress.FromIpv4(0xc0000201, 41641);
        DatagramAddress address = DatagramAddress.From(four);

        address.ConvertTo(ipv4: false);
        Assert.Equal(DatagramAddress.Ipv6Length, address.Length);
        Assert.Equal(four, address.ToTransportAddress());

        address.ConvertTo(ipv4: true);
        Assert.Equal(DatagramAddress.Ipv4Length, address.Length);
        Assert.Equal(four, address.ToTransportAddress());

        DatagramAddress six = DatagramAddress.From(Loopback.AnyIpv6Port);
        six.ConvertTo(ipv4: true);
        Assert.False(six.IsIpv4);
    }

    [Fact]
    public void What_lies_beyond_the_count_cannot_be_touched()
    {
        using var batch = new DatagramBatch();
        batch.TryAdd([1], default);

        Assert.Throws<ArgumentOutOfRangeException>(() => batch[1].Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.AddressOf(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Move(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.SetLength(0, batch.MaxDatagramLength + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.Trim(2));
    }
}
