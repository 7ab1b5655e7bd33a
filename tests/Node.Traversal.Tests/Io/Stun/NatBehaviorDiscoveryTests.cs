using System.Net;
using System.Net.Sockets;
using Addresses;
using Stun.Protocol;

namespace Node.Traversal.Tests.Io.Stun;

/// <summary>The discovery over real sockets, on loopback. What it decides is tested with simulated NATs, and in the lab.</summary>
public class NatBehaviorDiscoveryTests
{
    [Fact]
    public async Task A_server_of_one_address_tells_that_there_is_no_nat()
    {
        using UdpClient server = new(new IPEndPoint(IPAddress.Loopback, 0));
        using CancellationTokenSource over = new();
        Task serving = ServeAsync(server, over.Token);
        List<DiscoveryStage> stages = [];

        NatBehavior found = await NatBehaviorDiscovery.RunAsync([AddressOf(server)], stages.Add, CancellationToken.None);

        Assert.Equal((NatPresence.NoneOrFirewall, MappingBehavior.EndpointIndependent, FilteringBehavior.Unknown), (found.Presence, found.Mapping, found.Filtering));
        Assert.Equal(found.Local, found.Mapped);
        Assert.Equal(DiscoveryStage.Contact, stages[0]);
        await over.CancelAsync();
        await serving;
    }

    [Fact]
    public async Task Where_nobody_listens_it_does_not_wait()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells what ICMP says of a socket that is not connected");
        using UdpClient nobody = new(new IPEndPoint(IPAddress.Loopback, 0));
        TransportAddress address = AddressOf(nobody);
        nobody.Close();

        NatBehavior found = await NatBehaviorDiscovery.RunAsync([address], null, CancellationToken.None);

        Assert.False(found.IsAnswered);
        Assert.Contains("nobody listens", Assert.Single(found.Notes).Text, StringComparison.Ordinal);
        Assert.Equal(1, found.RequestsSent);
    }

    [Fact]
    public async Task A_wait_can_be_ended()
    {
        using UdpClient silent = new(new IPEndPoint(IPAddress.Loopback, 0));
        using CancellationTokenSource over = new(TimeSpan.FromMilliseconds(100));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NatBehaviorDiscovery.RunAsync([AddressOf(silent)], null, over.Token));
    }

    [Fact]
    public async Task Servers_of_both_families_or_none_are_refused()
    {
        TransportAddress ipv4 = TransportAddress.From(IPAddress.Loopback, 1);
        await Assert.ThrowsAsync<ArgumentException>(() => NatBehaviorDiscovery.RunAsync([], null, CancellationToken.None));
        await Assert.ThrowsAsync<ArgumentException>(() => NatBehaviorDiscovery.RunAsync([ipv4, TransportAddress.From(IPAddress.IPv6Loopback, 1)], null, CancellationToken.None));
    }

    private static TransportAddress AddressOf(UdpClient client) => TransportAddress.From((IPEndPoint)client.Client.LocalEndPoint!);

    private static async Task ServeAsync(UdpClient server, CancellationToken cancellation)
    {
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        try
        {
            while (true)
            {
                UdpReceiveResult request = await server.ReceiveAsync(cancellation);
                Assert.True(StunHeader.TryRead(request.Buffer, out StunHeader header));
                int length = StunBindingResponse.Write(answer, header.TransactionId, TransportAddress.From(request.RemoteEndPoint));
                await server.SendAsync(answer.AsMemory(0, length), request.RemoteEndPoint, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            return; // The test is over.
        }
    }
}
