using System.Net.Sockets;
using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells how long a NAT or a firewall keeps an idle mapping (RFC 5780 §4.6): makes a fresh one, is silent for a while, and then has the server
/// answer to it what another socket asks (RESPONSE-PORT). No mapping in use is at stake. Takes up to about ten minutes, nearly all of it silence.
/// </summary>
/// <remarks>
/// The first pause is none: where no answer comes then, the server does not have RESPONSE-PORT, or the NAT gives the two sockets different
/// addresses, and the lifetime stays unknown. A flow that has had one request and one answer may be kept for less than a busy one (Linux: 30 s
/// and 120 s), never for longer: what is told errs on the side that costs packets and not paths.
/// </remarks>
/// <param name="server">Whom to ask.</param>
/// <param name="entropy">Where transaction ids come from.</param>
internal sealed class LifetimeTest(TransportAddress server, EntropySource entropy) : IDiscoveryCore
{
    /// <summary>What is still there after this long is not tried for longer, in seconds.</summary>
    public const int Longest = 160;

    private const int First = 10;
    private const int Precision = 5;

    private readonly DiscoveryBench _bench = new(entropy);
    private DiscoverySocket? _asker;
    private bool _isSupported;
    private int _alive; // Seconds after which a mapping was still there.
    private int? _gone; // Seconds after which one was not.

    public bool IsDone => Result is not null;

    public Instant? NextTimeout => _bench.NextTimeout;

    /// <summary>For how many seconds an idle mapping is kept for certain, at least 1 and at most <see cref="Longest"/>; 0 = it could not be told. Null until the end.</summary>
    public int? Result { get; private set; }

    public void Start(Instant now) => _bench.Open((socket, at) =>
    {
        _asker = socket;
        Try(0, at);
    });

    public void HandleSocket(SocketId id, TransportAddress local, Instant now) => _bench.HandleSocket(id, local, now);

    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now) =>
        _bench.HandleDatagram(socket, source, datagram, now);

    public void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now) =>
        _bench.HandleProblem(socket, destination, problem, isFinal, now);

    public void HandleTimeout(Instant now) => _bench.HandleTimeout(now);

    public bool TryDequeueSocket(out SocketId wanted) => _bench.TryDequeueSocket(out wanted);

    public bool TryDequeueTransmit(out Transmit transmit) => _bench.TryDequeueTransmit(out transmit);

    private void Try(int seconds, Instant now) =>
        _bench.Open((socket, at) => _bench.Ask(socket.Id, server, DiscoverySchedules.Further, (outcome, then) => HandleMapped(socket, seconds, outcome, then), at));

    private void HandleMapped(DiscoverySocket socket, int seconds, StunOutcome outcome, Instant now)
    {
        if (outcome.Answer is { } answer) _bench.Pause(TimeSpan.FromSeconds(seconds), at => Ask(socket, answer.Mapped.Port, seconds, at), now);
        else Finish(0); // The server has gone: its silence would be taken for the NAT's.
    }

    private void Ask(DiscoverySocket socket, ushort mapped, int seconds, Instant now) =>
        _bench.AskTo(socket.Id, mapped, _asker!.Id, server, DiscoverySchedules.Filtered, (outcome, then) => HandleAnswer(seconds, outcome, then), now);

    private void HandleAnswer(int seconds, StunOutcome outcome, Instant now)
    {
        if (outcome.Kind == StunOutcomeKind.Answered)
        {
            _isSupported = true;
            _alive = seconds;
        }
        else if (_isSupported && outcome.Kind == StunOutcomeKind.TimedOut)
        {
            _gone = seconds;
        }
        else
        {
            Finish(0);
            return;
        }

        bool isClear = _gone is { } gone ? gone - _alive <= Precision : _alive >= Longest;
        if (isClear) Finish(Math.Max(1, _alive));
        else Try(_gone is { } limit ? (_alive + limit) / 2 : Math.Max(First, _alive * 2), now);
    }

    private void Finish(int result)
    {
        Result = result;
        _bench.Close();
    }
}
