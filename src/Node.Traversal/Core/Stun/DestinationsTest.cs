using System.Net.Sockets;
using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells whether the mapping of a fresh socket depends on the destination, by asking several servers of one family from it. Servers without a
/// second address are enough, and what two ports that were the same by chance made believe of another socket is put right.
/// </summary>
/// <param name="servers">Whom to ask, on at least two hosts: fewer cannot tell.</param>
/// <param name="entropy">Where transaction ids come from.</param>
internal sealed class DestinationsTest(IReadOnlyList<TransportAddress> servers, EntropySource entropy) : IDiscoveryCore
{
    private readonly DiscoveryBench _bench = new(entropy);
    private readonly List<Sighting> _sightings = [];
    private TransportAddress _local;
    private int _open = servers.Count;

    public bool IsDone => _open == 0;

    public Instant? NextTimeout => _bench.NextTimeout;

    /// <summary>Endpoint-independent, endpoint-dependent, or unknown where fewer than two hosts have answered.</summary>
    public NatMapping Result => Sightings.MappingOf(_sightings, new HashSet<TransportAddress> { _local });

    public void Start(Instant now) => _bench.Open((socket, at) =>
    {
        _local = socket.Local;
        foreach (TransportAddress server in servers) _bench.Ask(socket.Id, server, DiscoverySchedules.Further, (outcome, _) => Handle(server, outcome), at);
    });

    public void HandleSocket(SocketId id, TransportAddress local, Instant now) => _bench.HandleSocket(id, local, now);

    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now) =>
        _bench.HandleDatagram(socket, source, datagram, now);

    public void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now) =>
        _bench.HandleProblem(socket, destination, problem, isFinal, now);

    public void HandleTimeout(Instant now) => _bench.HandleTimeout(now);

    public bool TryDequeueSocket(out SocketId wanted) => _bench.TryDequeueSocket(out wanted);

    public bool TryDequeueTransmit(out Transmit transmit) => _bench.TryDequeueTransmit(out transmit);

    private void Handle(TransportAddress server, StunOutcome outcome)
    {
        if (outcome.Answer is { } answer) _sightings.Add(new Sighting(server, answer.Mapped));
        _open--;
    }
}
