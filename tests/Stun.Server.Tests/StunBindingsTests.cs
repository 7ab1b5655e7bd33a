using Addresses;
using Datagrams;
using Stun.Protocol;

namespace Stun.Server.Tests;

public sealed class StunBindingsTests
{
    private static readonly ChangeRequest OtherPort = new(ChangeAddress: false, ChangePort: true);

    [Fact]
    public void A_port_keeps_the_next_one_to_answer_from_though_it_is_itself_the_next_of_another()
    {
        using StunBindings bindings = new(threads: 1);
        TransportAddress first = FreePort(), second = Behind(first);
        foreach (TransportAddress listed in (TransportAddress[])[second, first]) bindings.Bind(listed);
        foreach (TransportAddress listed in (TransportAddress[])[second, first]) Assert.True(bindings.TryBindNextPort(listed, dualStack: false));

        Dictionary<TransportAddress, StunSockets> sockets = bindings.ForReceivers().ToDictionary(own => own.Own.LocalAddress);

        Assert.Equal(second, sockets[first].For(OtherPort).LocalAddress);
        Assert.Equal(Behind(second), sockets[second].For(OtherPort).LocalAddress);
    }

    private static TransportAddress FreePort()
    {
        using DatagramSocket any = DatagramSocket.Bind(TransportAddress.FromIpv4(0x7f000001, 0), DatagramSocketOptions.Default);
        return any.LocalAddress;
    }

    private static TransportAddress Behind(TransportAddress address) => address.WithPort((ushort)(address.Port + 1));
}
