using Addresses;
using Node.Traversal;
using Simulation;

namespace Simulation.Tests.Hostile;

/// <summary>STUN servers that lie: a candidate is a guess, and checks decide.</summary>
public class LyingStunTests
{
    private static readonly TransportAddress Victim = TransportAddress.FromIpv4(0x08080808, 50_000);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Some_servers_that_lie_cost_no_path(int liars)
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            SimLab lab = new(seed, NatKind.Easy, NatKind.Easy);
            foreach (SimStun server in lab.Stun.Take(liars)) server.Lie = _ => Victim;

            lab.Settle();
            lab.Ping(TimeSpan.FromSeconds(10));

            Assert.True(lab.IsDirect, $"seed {seed}");
            Assert.Equal(0, lab.Lost);
        }
    }

    [Fact]
    public void Where_all_servers_lie_the_pair_is_relayed_and_the_victim_hardly_notices()
    {
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        foreach (SimStun server in lab.Stun) server.Lie = _ => Victim;
        int atVictim = 0;
        lab.World.Attach(Victim, new Counter(() => atVictim++));

        lab.Settle();
        lab.Ping(TimeSpan.FromSeconds(50));

        Assert.True(lab.IsRelayed);
        Assert.NotNull(lab.Left.VerdictOn(lab.Right));
        Assert.Equal(0, lab.Lost);
        Assert.InRange(atVictim, 0, 2 * 60 * 5); // From both sides, five a second at the most.
        Assert.Empty(lab.World.Violations);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void One_server_that_lies_spoils_no_prediction_of_ports(int liar)
    {
        NatKind sequential = NatKind.Hard with { PortStep = -2 };
        foreach (NatKind peer in new[] { NatKind.Easy, sequential })
        {
            foreach (Func<TransportAddress, TransportAddress> lie in new Func<TransportAddress, TransportAddress>[] { _ => Victim, seen => seen.WithPort(2000), Loopback })
            {
                SimLab lab = new(liar + 1, sequential, peer);
                lab.Stun[liar].Lie = lie;

                lab.Start().World.RunUntil(() => lab.IsDirect || new[] { lab.Left.PunchTo(lab.Right), lab.Right.PunchTo(lab.Left) }.Any(punch => punch.Result == "Failed"), TimeSpan.FromSeconds(20));

                Assert.True(lab.IsDirect, $"{peer}, {lie(Victim)}");
            }
        }
    }

    [Theory]
    [InlineData("127.0.0.1:50000")]
    [InlineData("169.254.169.254:80")]
    [InlineData("192.168.1.1:50000")]
    [InlineData("10.0.0.1:50000")]
    [InlineData("100.64.0.1:50000")]
    [InlineData("0.0.0.0:50000")]
    [InlineData("224.0.0.251:5353")]
    [InlineData("255.255.255.255:50000")]
    [InlineData("8.8.8.8:0")]
    public void An_address_that_nobody_outside_could_send_to_is_never_told(string lie)
    {
        Assert.True(TransportAddress.TryParse(lie, out TransportAddress claimed));
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        foreach (SimStun server in lab.Stun) server.Lie = _ => claimed;

        lab.Settle();

        Assert.DoesNotContain(lab.Left.Core.Candidates, candidate => candidate.Address == claimed);
        Assert.DoesNotContain(lab.Right.Core.Candidates, candidate => candidate.Address == claimed);
    }

    [Fact]
    public void A_server_that_says_something_new_each_time_makes_no_more_candidates_than_the_limit()
    {
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        foreach (SimStun server in lab.Stun) server.Lie = _ => TransportAddress.FromIpv4(0x08000000u + (uint)lab.World.Random.Next(1 << 20), 50_000);

        lab.Settle();
        lab.Ping(TimeSpan.FromMinutes(5), TimeSpan.FromSeconds(1));

        Assert.InRange(lab.Left.Core.Candidates.Count, 1, 6 + 6 + 1); // Six that servers have seen, each with the local port too, and the host's own.
        Assert.Equal(0, lab.Lost);
    }

    [Fact]
    public void Answers_from_off_the_path_are_not_believed()
    {
        SimLab lab = new SimLab(1, NatKind.Easy with { Filtering = Filtering.EndpointIndependent }, NatKind.Easy);
        byte[] answer = new byte[Stun.Protocol.StunBindingResponse.MaxLength];
        lab.World.Overheard = packet =>
        {
            if (!Stun.Protocol.StunMessage.LooksLikeStun(packet.Payload) || packet.Origin != lab.Left) return;
            int length = Stun.Protocol.StunBindingResponse.Write(answer, default, Victim); // He sees that it asks, and guesses the rest.
            lab.World.Inject(packet.Destination, packet.Source, answer[..length]);
        };

        lab.Settle();

        Assert.DoesNotContain(lab.Left.Core.Candidates, candidate => candidate.Address == Victim);
        Assert.True(lab.IsDirect);
    }

    /// <summary>An answer that is refused: it is as if the server were deaf.</summary>
    private static TransportAddress Loopback(TransportAddress seen) => TransportAddress.FromIpv4(0x7f000001, seen.Port);

    private sealed class Counter(Action count) : ISimReceiver
    {
        public void Receive(SimPacket packet) => count();
    }
}
