using System.Net.Sockets;
using Addresses;
using Datagrams;
using Microsoft.Extensions.Hosting;
using Stun.Protocol;

namespace Stun.Server.Tests;

/// <summary>Behaviour discovery over real sockets: 127.0.0.1 and 127.0.0.2.</summary>
public sealed class BehaviorDiscoveryTests
{
    private static readonly TransportAddress First = TransportAddress.FromIpv4(0x7f000001, 0);
    private static readonly TransportAddress Second = TransportAddress.FromIpv4(0x7f000002, 0);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task An_answer_leaves_from_the_socket_that_was_asked_for_whichever_of_the_four_was_asked(int threads)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere 127.0.0.2 is not this host");
        using IHost host = await StunServerTests.StartAsync(new StunServerOptions { Listen = [First], Alternates = [Second], Threads = threads });
        IReadOnlyList<TransportAddress> bound = StunServerTests.ServerOf(host).BoundAddresses;
        Assert.Equal(4, bound.Count);
        TransportAddress primary = bound[0];
        TransportAddress both = bound[1];

        foreach (TransportAddress asked in bound)
        {
            foreach (ChangeRequest change in new ChangeRequest[] { new(false, false), new(false, true), new(true, false), new(true, true) })
            {
                TransportAddress other = asked.WithPort(0) == primary.WithPort(0) ? both : primary;
                ushort otherPort = asked.Port == primary.Port ? both.Port : primary.Port;
                TransportAddress expected = (change.ChangeAddress ? other : asked).WithPort(change.ChangePort ? otherPort : asked.Port);
                using DatagramSocket client = DatagramSocket.Bind(First, DatagramSocketOptions.Default);

                (TransportAddress source, TransportAddress origin, TransportAddress said) = Ask(client, asked, change);

                Assert.Equal(expected, source);
                Assert.Equal(expected, origin);
                Assert.Equal(other.WithPort(otherPort), said);
            }
        }
    }

    [Fact]
    public async Task An_answer_goes_to_the_response_port()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere 127.0.0.2 is not this host");
        using IHost host = await StunServerTests.StartAsync(new StunServerOptions { Listen = [First], Alternates = [Second], Threads = 1 });
        using DatagramSocket asking = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        using DatagramSocket hearing = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        byte[] buffer = new byte[64];
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingRequest, new TransactionId(1, 2));
        ResponsePort.AddTo(ref writer, hearing.LocalAddress.Port);
        Assert.Equal(SocketError.Success, asking.SendTo(writer.Written, StunServerTests.ServerOf(host).BoundAddresses[0]));

        StunServerTests.AwaitReadable(hearing);
        using var batch = new DatagramBatch();
        Assert.Equal(1, hearing.Receive(batch, out _));
        Assert.True(StunBindingResponse.TryRead(batch[0], out _, out TransportAddress mapped));
        Assert.Equal(asking.LocalAddress, mapped);
    }

    private static (TransportAddress Source, TransportAddress Origin, TransportAddress Other) Ask(DatagramSocket client, TransportAddress server, ChangeRequest change)
    {
        var writer = new StunMessageWriter(new byte[64], StunMessageType.BindingRequest, new TransactionId(1, 2));
        change.AddTo(ref writer);
        Assert.Equal(SocketError.Success, client.SendTo(writer.Written, server));

        StunServerTests.AwaitReadable(client);
        using var batch = new DatagramBatch();
        Assert.Equal(1, client.Receive(batch, out _));
        var attributes = new StunAttributeReader(batch[0][StunHeader.Length..]);
        TransportAddress origin = default;
        TransportAddress other = default;
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            if (type == StunAttributeType.ResponseOrigin) Assert.True(MappedAddress.TryRead(value, out origin));
            if (type == StunAttributeType.OtherAddress) Assert.True(MappedAddress.TryRead(value, out other));
        }

        return (batch.AddressOf(0), origin, other);
    }
}
