using Relay.Server.Core;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>How a relay ends: how long its clients get, and where they are to go.</summary>
/// <param name="Timeout">How long, at most.</param>
/// <param name="IsForAll">Says that clients are waited for that cannot be told where to go, too.</param>
/// <param name="Target">Where those go that can be told.</param>
internal sealed record DrainPlan(TimeSpan Timeout, bool IsForAll, MoveTarget Target)
{
    /// <summary>The most that may be asked for.</summary>
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromHours(1);

    /// <summary>What <c>POST /drain</c> gives where it names no time: a stock client finds another relay in a few seconds.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>What a signal gives where no time was set: clients of ours move within a second, and a service manager is promised five.</summary>
    public static readonly TimeSpan SignalTimeout = TimeSpan.FromSeconds(2);
}

/// <summary>
/// Ends the relay without loss: it is ready no more, refuses newcomers, tells its clients, and waits for them to leave, for as long as the
/// plan says. What is left then is cut off when the host stops.
/// </summary>
internal sealed class DrainController(RelayServer relay, DrainPlan onSignal, MonotonicClock clock, ILogger<DrainController> log)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    private readonly TaskCompletionSource<DrainPlan> _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when somebody has asked for it by <see cref="Request"/>.</summary>
    public Task Requested => _requested.Task;

    /// <summary>What the plan of a signal says of where to go; requests that name nothing else use it.</summary>
    public MoveTarget Target => onSignal.Target;

    /// <summary>Asks for the end.</summary>
    /// <returns>False where it was asked for before.</returns>
    public bool Request(DrainPlan plan)
    {
        relay.IsDraining = true; // First of all: a load balancer is to see it before anybody is refused.
        return _requested.TrySetResult(plan);
    }

    /// <summary>Drains, by the plan that was requested or, without one, that of a signal.</summary>
    /// <param name="stopping">A signal: it cuts a longer drain down to what a signal gives.</param>
    public async Task RunAsync(CancellationToken stopping)
    {
        bool isRequested = _requested.Task.IsCompletedSuccessfully;
        DrainPlan plan = isRequested ? await _requested.Task : onSignal;
        relay.IsDraining = true;
        relay.Identity.Refusal = DrainNotice.Refusal;
        if (plan.Timeout == TimeSpan.Zero) return;

        Instant now = clock.Now;
        DrainNotice notice = new(relay.Identity, plan.Target, plan.Timeout, now);
        relay.Router.Drain = notice; // From here on whoever comes in is told by itself.
        int told = 0;
        foreach (ClientConnection client in relay.Router.Connections)
        {
            notice.Tell(client, now);
            client.Shell?.Wake();
            told++;
        }

        DrainLog.Begun(log, told, plan.Timeout);
        Instant end = notice.EndsAt;
        // The region's other relays, which show its secret, stay to the end: they carry what clients still send each other.
        while (clock.Now < end && relay.Router.Connections.Any(client => client.Info?.MeshKey is null && (plan.IsForAll || DrainNotice.IsOurs(client))))
        {
            if (isRequested && stopping.IsCancellationRequested)
            {
                isRequested = false;
                end = Instant.Min(end, clock.Now + onSignal.Timeout);
            }

            await Task.Delay(LookInterval, clock.TimeProvider, CancellationToken.None);
        }

        DrainLog.Over(log, relay.Router.Connections.Count(), clock.Now - now);
    }
}
