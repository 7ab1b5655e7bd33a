using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Timing;

namespace Node.Traversal.Io;

/// <summary>
/// The one loop round the core: takes inputs in order, wakes it when its time has come, and carries out what it has decided. Data never
/// comes here.
/// </summary>
/// <remarks>
/// It has a thread of its own, which waits for its next input or instant by itself. While a peer has traffic the core is woken forty times a
/// second: by a timer and the thread pool, that would be three or four threads each time.
/// </remarks>
internal sealed class NodeLoop : IAsyncDisposable
{
    /// <summary>
    /// Control packets of one origin that wait: beyond this the loop is being flooded, and what comes is dropped and counted. A flood of strangers,
    /// which needs but a forged source, so costs no packet of a peer that has answered before, nor one by relay.
    /// </summary>
    public const int MaxWaitingPackets = 1024;

    /// <summary>No wait is much longer than a month: what is further away is looked at again.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly NodeCore _core;
    private readonly MonotonicClock _clock;
    private readonly TraversalCounters _counters;
    private readonly Action<Transmit> _transmit;
    private readonly Action<NodeEvent> _carryOut;
    private readonly LoopInputs<Input> _inputs = new();
    private readonly Lock _gate = new();
    private readonly ITimer? _timer; // Of a clock that is not the machine's: no thread can wait by that.
    private Task _running = Task.CompletedTask;
    private readonly int[] _waitingPackets = new int[Enum.GetValues<PacketOrigin>().Length];
    private Instant? _faultedAt;

    public NodeLoop(NodeCore core, MonotonicClock clock, TraversalCounters counters, Action<Transmit> transmit, Action<NodeEvent> carryOut, ILogger log)
    {
        _core = core;
        _clock = clock;
        _counters = counters;
        _transmit = transmit;
        _carryOut = carryOut;
        Faults = new Faults(counters, log, clock);
        if (clock.TimeProvider == TimeProvider.System) return;
        _timer = clock.TimeProvider.CreateTimer(_ => _inputs.TryAdd(Input.None), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Where faults are noted.</summary>
    public Faults Faults { get; }

    /// <summary>Starts the loop.</summary>
    public void Start() => _running = Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Hands the core an input, from any thread.</summary>
    public void Post(Action<NodeCore, Instant> handle) => _inputs.TryAdd(new Input(handle, PacketOf: null));

    /// <summary>Hands the core a control packet, from any thread; dropped and counted where too many of that origin wait.</summary>
    public void PostPacket(PacketOrigin origin, Action<NodeCore, Instant> handle)
    {
        if (Interlocked.Increment(ref _waitingPackets[(int)origin]) <= MaxWaitingPackets && _inputs.TryAdd(new Input(handle, origin))) return;
        Interlocked.Decrement(ref _waitingPackets[(int)origin]);
        _counters.Count(TraversalDrop.LoopBusy);
    }

    /// <summary>Reads something off the core between two inputs, from any thread.</summary>
    public T Read<T>(Func<NodeCore, Instant, T> read)
    {
        lock (_gate) return read(_core, _clock.Now);
    }

    /// <summary>Ends the loop once the inputs that wait are handled; later ones are not.</summary>
    public async ValueTask DisposeAsync()
    {
        _inputs.Complete();
        if (_timer is not null) await _timer.DisposeAsync();
        await _running;
    }

    private void Run()
    {
        Thread.CurrentThread.Name = "node-loop";
        while (_inputs.Wait(UntilDue()))
        {
            if (!_inputs.TryTake(out Input input)) input = Input.None; // The core's time has come.
            do Handle(input);
            while (_inputs.TryTake(out input));
        }
    }

    private void Handle(Input input)
    {
        if (input.PacketOf is { } origin) Interlocked.Decrement(ref _waitingPackets[(int)origin]);
        Decide(input);

        // Events first: once our pong is out, the peer sends data directly, and by then its address must lead to it.
        while (_core.TryDequeueEvent(out NodeEvent? nodeEvent)) Faults.TryRun((Loop: this, Event: nodeEvent!), static turn => turn.Loop._carryOut(turn.Event));
        while (_core.TryDequeueTransmit(out Transmit transmit)) Faults.TryRun((Loop: this, Transmit: transmit), static turn => turn.Loop._transmit(turn.Transmit));
    }

    private void Decide(Input input)
    {
        lock (_gate)
        {
            Instant now = _clock.Now;
            Faults.TryRun((Core: _core, Input: input, Now: now), static turn => turn.Input.Handle(turn.Core, turn.Now)); // Whoever can bring that about with a packet must not stop the timers.
            if (!IsPausing(now) && !Faults.TryRun((Core: _core, Now: now), static turn => HandleTimeout(turn.Core, turn.Now))) _faultedAt = now;
        }
    }

    private static void HandleTimeout(NodeCore core, Instant now)
    {
        if (core.NextTimeout <= now) core.HandleTimeout(now);
    }

    /// <summary>Says that a timer has brought a fault to light a moment ago: what goes wrong at once again must not spin.</summary>
    private bool IsPausing(Instant now) => _faultedAt is { } at && now - at < Faults.Pause;

    /// <summary>How long to wait for the core's next instant.</summary>
    private TimeSpan UntilDue()
    {
        TimeSpan wait = Faults.Pause;
        Faults.TryRun(() => wait = Plan());
        if (_timer is null) return wait;
        _timer.Change(wait, Timeout.InfiniteTimeSpan);
        return Timeout.InfiniteTimeSpan;
    }

    private TimeSpan Plan()
    {
        if (_core.NextTimeout is not { } next) return Timeout.InfiniteTimeSpan;
        Instant now = _clock.Now;
        if (_faultedAt is { } faulted && IsPausing(now)) next = Instant.Max(next, faulted + Faults.Pause);
        TimeSpan wait = next - now;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait < LongestWait ? wait : LongestWait;
    }

    private readonly record struct Input(Action<NodeCore, Instant> Handle, PacketOrigin? PacketOf)
    {
        /// <summary>Only the time has passed.</summary>
        public static Input None { get; } = new((_, _) => { }, PacketOf: null);
    }
}
