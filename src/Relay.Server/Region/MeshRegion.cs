using System.Net.Sockets;
using System.Security.Authentication;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Region;

/// <summary>
/// Our links to the other relays of the region, each dialled anew for as long as we run. A packet goes one hop and no further, so every relay
/// of a region dials every other one.
/// </summary>
internal sealed class MeshRegion(IReadOnlyList<MeshTarget> targets, MeshTrust trust, RelayIdentity identity, PacketRouter router, MonotonicClock clock, ILogger log)
{
    /// <summary>How long we wait before a link that has ended, or was not to be had, is tried again.</summary>
    public static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(5);

    /// <summary>The other relays that a mesh can have: each pair is a connection, and each key is known to all.</summary>
    public const int MaxTargets = 64;

    private readonly MeshDialer _dialer = new(identity, trust);
    private int _up;

    /// <summary>Links that are up at present.</summary>
    public int Up => Volatile.Read(ref _up);

    public int TargetCount => targets.Count;

    /// <summary>Runs until <paramref name="stopping"/>, and ends all links.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        // All links are of one tenant, which is held for as long as we run. Of a fresh registry it is always to be had.
        if (targets.Count == 0 || !router.Tenants.TryEnter(identity.MeshTenant, out Tenant? tenant)) return;
        await Task.WhenAll(targets.Select(target => RunAsync(target, tenant, stopping)));
        router.Tenants.Leave(tenant);
    }

    private async Task RunAsync(MeshTarget target, Tenant tenant, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                MeshStream stream = await ConnectAsync(target, stopping);
                if (stream.ServerKey == identity.Keys.PublicKey)
                {
                    await stream.Stream.DisposeAsync();
                    RelayLog.MeshIsSelf(log, target);
                    return; // The list may be the same on every relay of the region.
                }

                RelayLog.MeshUp(log, target, stream.ServerKey);
                Interlocked.Increment(ref _up);
                string reason = await new MeshPump(stream, new MeshLink(identity, router, tenant), clock).RunAsync(stopping);
                Interlocked.Decrement(ref _up);
                RelayLog.MeshDown(log, target, reason);
            }
            catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException or RelayProtocolException)
            {
                RelayLog.MeshFailed(log, target, exception.Message);
            }
            catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
            {
                RelayLog.MeshFailed(log, target, $"no answer within {MeshDialer.ConnectTimeout.TotalSeconds:0} s");
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await Task.Delay(RetryDelay, clock.TimeProvider, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<MeshStream> ConnectAsync(MeshTarget target, CancellationToken stopping)
    {
        using CancellationTokenSource timeout = new(MeshDialer.ConnectTimeout, clock.TimeProvider);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(stopping, timeout.Token);
        return await _dialer.ConnectAsync(target, either.Token);
    }
}
