using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchTargetTests
{
    private static readonly TransportAddress Lie = Address("8.8.8.8:53");
    private static readonly TransportAddress[] Seen = [Address("198.51.100.7:50001"), Address("198.51.100.7:50002"), Address("198.51.100.7:50003")];

    private readonly NodeContext _context = Context(1, Map(900));
    private readonly PunchTarget _target;

    public PunchTargetTests() => _target = new PunchTarget(_context, new PeerSession(_context, new PeerOptions { Key = Keys(2).PublicKey, Traffic = new PathTraffic() }, Start));

    [Fact]
    public void One_server_that_lies_does_not_name_our_router_though_behind_a_hard_NAT_each_has_seen_another_port()
    {
        _context.Mapped = [Lie, .. Seen];

        Assert.Equal(Seen[0], _target.Own);
    }

    [Fact]
    public void Nor_the_peers()
    {
        _target.HandleCandidates([Lie, .. Seen]);

        Assert.Equal(Seen[0].Bits, _target.Router);
    }

    [Theory]
    [InlineData(PunchingMethod.FreshPorts, true)]
    [InlineData(PunchingMethod.Window, false)]
    [InlineData(PunchingMethod.Birthday, false)]
    public void Two_behind_one_router_are_not_punched_with_many_ports_for_it_would_bear_the_mappings_of_both(PunchingMethod method, bool isAllowed)
    {
        _context.Mapped = Seen;

        _target.HandleCandidates([Seen[0].WithPort(60_000)]);

        Assert.Equal(isAllowed, _target.Allows(new PunchStrategy(method, 1)));
    }

    [Fact]
    public void Nothing_is_punched_before_both_routers_are_known()
    {
        PunchStrategy strategy = new(PunchingMethod.FreshPorts, 1);
        Assert.False(_target.Allows(strategy));
        _target.HandleCandidates([Seen[0]]);
        Assert.False(_target.Allows(strategy));

        _context.Mapped = [Address("198.51.100.8:50001")];

        Assert.True(_target.Allows(strategy));
    }
}
