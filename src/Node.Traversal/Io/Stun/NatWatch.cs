using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Stun;
using Node.Traversal.Telemetry;
using Relay.Protocol.Disco;

namespace Node.Traversal.Io.Stun;

/// <summary>Carries out the discoveries that the core wants, in the background and on sockets of their own: the node's port never notices.</summary>
/// <param name="mark">Gives the firewall mark at present.</param>
/// <param name="found">Takes what was found out so far of one family's NAT.</param>
/// <param name="faults">Told of what goes wrong: it costs one discovery, and none of those that wait for its end.</param>
/// <param name="log">Where it logs.</param>
internal sealed class NatWatch(Func<uint> mark, Action<bool, NatProfile> found, Faults faults, ILogger log) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();
    private Watch? _ipv4;
    private Watch? _ipv6;

    /// <summary>Begins; one that runs for that family is given up.</summary>
    public void Start(NodeEvent.NatDiscoveryWanted wanted)
    {
        lock (_gate)
        {
            if (_stopping.IsCancellationRequested) return;
            ref Watch? watch = ref wanted.IsIpv4 ? ref _ipv4 : ref _ipv6;
            Task before = watch?.StopAsync() ?? Task.CompletedTask;
            CancellationTokenSource stopping = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            watch = new Watch(Task.Run(() => faults.TryRunAsync(() => RunAsync(before, wanted, stopping.Token))), stopping);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Watch?[] watches;
        lock (_gate)
        {
            _stopping.Cancel();
            watches = [_ipv4, _ipv6];
        }

        foreach (Watch? watch in watches)
        {
            if (watch is not null) await watch.StopAsync();
        }

        _stopping.Dispose();
    }

    private async Task RunAsync(Task before, NodeEvent.NatDiscoveryWanted wanted, CancellationToken stopping)
    {
        await before;
        try
        {
            NatProfile profile = await AskAllAsync(wanted, stopping);
            foreach (TransportAddress server in wanted.Servers)
            {
                profile = await AskAsync(server, profile, part => found(wanted.IsIpv4, part), stopping);
                bool isWhole = profile.Filtering != NatFiltering.Unknown && profile.Mapping is not (NatMapping.Unknown or NatMapping.EndpointDependent);
                if (isWhole) break; // Most servers have no second address to tell all by: then the next may.
            }

            TraversalLog.NatFound(log, wanted.IsIpv4 ? "IPv4" : "IPv6", profile.Mapping, profile.Filtering, profile.Allocation);
            await MeasureLifetimeAsync(wanted, profile, stopping);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (SocketException exception)
        {
            TraversalLog.NatNotFound(log, exception.Message); // What is known stays; it is tried again when the core wants it.
        }
    }

    /// <summary>Asks all servers from one fresh socket. That they agree may be chance, and what comes after tells better; that they do not, holds until then.</summary>
    private async Task<NatProfile> AskAllAsync(NodeEvent.NatDiscoveryWanted wanted, CancellationToken stopping)
    {
        DestinationsTest test = new(wanted.Servers, RandomNumberGenerator.Fill);
        await DiscoveryRun.RunAsync(test, DiscoverySockets.LocalAddressFor(wanted.Servers[0], mark()), mark(), progressed: null, stopping);
        NatProfile profile = test.Result == NatMapping.EndpointDependent ? new NatProfile(test.Result, UdpReach.Works) : default;
        if (profile != default) found(wanted.IsIpv4, profile);
        return profile;
    }

    /// <summary>Asks one server after the other, until one can tell how long an idle mapping is kept.</summary>
    private async Task MeasureLifetimeAsync(NodeEvent.NatDiscoveryWanted wanted, NatProfile profile, CancellationToken stopping)
    {
        foreach (TransportAddress server in wanted.Servers)
        {
            LifetimeTest test = new(server, RandomNumberGenerator.Fill);
            await DiscoveryRun.RunAsync(test, DiscoverySockets.LocalAddressFor(server, mark()), mark(), progressed: null, stopping);
            if (test.Result is not ({ } seconds and > 0)) continue;

            found(wanted.IsIpv4, profile with { LifetimeSeconds = (ushort)seconds });
            TraversalLog.NatLifetimeFound(log, wanted.IsIpv4 ? "IPv4" : "IPv6", seconds);
            return;
        }
    }

    /// <summary>Asks one server, and tells what is known as soon as more is.</summary>
    private async Task<NatProfile> AskAsync(TransportAddress server, NatProfile known, Action<NatProfile> tell, CancellationToken stopping)
    {
        NatBehavior answer = await NatBehaviorDiscovery.RunAsync([server], mark(), (_, soFar) => Tell(soFar), stopping);
        Tell(answer);
        return known;

        void Tell(NatBehavior? behavior)
        {
            NatProfile profile = behavior is null ? known : NatProfiles.Complete(known, NatProfiles.Of(behavior));
            if (profile == known) return;
            known = profile;
            tell(profile);
        }
    }

    private sealed record Watch(Task Running, CancellationTokenSource Stopping)
    {
        public async Task StopAsync()
        {
            await Stopping.CancelAsync();
            await Running;
            Stopping.Dispose();
        }
    }
}
