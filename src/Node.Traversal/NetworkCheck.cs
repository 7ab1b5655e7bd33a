using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Io;
using Node.Traversal.Io.Netcheck;
using Node.Traversal.Io.Relay;
using Timing;

namespace Node.Traversal;

/// <summary>What a <see cref="NetworkCheck"/> is asked.</summary>
public sealed record NetworkCheckOptions
{
    /// <summary>The relays and STUN servers to ask.</summary>
    public required RelayMap RelayMap { get; init; }

    /// <summary>By which HTTP proxy relays are reached, where that is not directly.</summary>
    public ProxySettings RelayProxy { get; init; } = ProxySettings.None;

    /// <summary>Says that the gateway is asked to map a port that nobody uses, to see whether it would.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>Where is said what went wrong on the way.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}

/// <summary>Finds out what the network here is like: UDP in both families, the NAT, the gateway, the way to every region of a map.</summary>
public static class NetworkCheck
{
    /// <summary>Checks. Takes up to fifteen seconds, for a filter shows by silence; with a map of more than 32 regions up to three seconds more for every 38.</summary>
    /// <param name="options">What to ask.</param>
    /// <param name="progress">Told what is being done, a phrase at a time; may be null.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SocketException">The system gives no more sockets.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task<NetworkReport> RunAsync(NetworkCheckOptions options, Action<string>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ILogger log = options.LoggerFactory.CreateLogger("Node.Traversal");
        MonotonicClock clock = MonotonicClock.System;
        MarkedDns dns = new(() => 0, clock.TimeProvider, log);
        progress?.Invoke("asking the STUN servers of every region");
        IReadOnlyList<StunServerAddress> servers = await StunServerList.FindAsync(options.RelayMap, dns, cancellation);
        StunSurveyResult[] families = await Task.WhenAll(
            StunSurveyRun.RunAsync(options.RelayMap, [.. servers.Where(server => server.Address.IsIpv4)], AddressFamily.InterNetwork, clock, cancellation),
            StunSurveyRun.RunAsync(options.RelayMap, [.. servers.Where(server => server.Address.IsIpv6)], AddressFamily.InterNetworkV6, clock, cancellation));
        families = await Task.WhenAll(
            MeasureAgainAsync(options.RelayMap, families[0], AddressFamily.InterNetwork, clock, cancellation),
            MeasureAgainAsync(options.RelayMap, families[1], AddressFamily.InterNetworkV6, clock, cancellation));
        bool isSilent = families.All(family => family.Answers.Count == 0);

        progress?.Invoke(isSilent ? "no answer over UDP: asking the relays by HTTPS, and looking for a captive portal" : "finding out what NAT or firewall stands before this machine, for up to 10 s");
        RelayTransport transport = new(dns, () => 0, () => options.RelayProxy, clock.TimeProvider, log);
        RelayRegion[] relays = [.. options.RelayMap.Regions.Where(region => region.HasRelay).Take(HttpsLatencies.MaxRegions)];
        Task<PortMappingStatus> portMapping = options.PortMapping ? PortMappingDiscovery.RunAsync(cancellation) : Task.FromResult(PortMappingStatus.Off);
        Task<NatBehavior?> ipv4 = DescribeAsync(families[0], cancellation);
        Task<NatBehavior?> ipv6 = DescribeAsync(families[1], cancellation);
        Task<bool?> portal = isSilent ? new CaptivePortalProbe(() => 0, clock.TimeProvider).FindAsync(options.RelayMap, 0, cancellation) : Task.FromResult<bool?>(null);
        Task<IReadOnlyDictionary<int, TimeSpan>> https = new HttpsLatencyProbe(transport, clock).MeasureAsync(isSilent ? relays : [], cancellation);
        await Task.WhenAll(portMapping, ipv4, ipv6, portal, https);
        RegionReport[] regions = [.. options.RelayMap.Regions.Select(region => Describe(region, families, https.Result)).OrderBy(region => region.Latency ?? TimeSpan.MaxValue).ThenBy(region => region.RegionId)];

        return new NetworkReport
        {
            Ipv4 = Describe(families[0], ipv4.Result),
            Ipv6 = Describe(families[1], ipv6.Result),
            Regions = regions,
            HomeRegion = regions.FirstOrDefault(region => region.Latency is not null && options.RelayMap.Find(region.RegionId) is { MayBeHome: true })?.RegionId ?? 0,
            PortMapping = portMapping.Result,
            CaptivePortal = portal.Result,
            Proxy = options.RelayProxy.Proxy,
        };
    }

    /// <summary>Asks those that have answered once more, for their distance.</summary>
    private static async Task<StunSurveyResult> MeasureAgainAsync(RelayMap map, StunSurveyResult first, AddressFamily family, MonotonicClock clock, CancellationToken cancellation) => first.Answers.Count == 0
        ? first
        : first.WithShorterOf(await StunSurveyRun.RunAsync(map, [.. first.Answers.Select(answer => answer.Server)], family, clock, cancellation));

    /// <summary>Asks the nearest server that has answered.</summary>
    private static async Task<NatBehavior?> DescribeAsync(StunSurveyResult family, CancellationToken cancellation)
    {
        if (family.Answers.Count == 0) return null;
        TransportAddress nearest = family.Answers.MinBy(answer => answer.Rtt).Server.Address;
        NatBehavior behavior = await NatBehaviorDiscovery.RunAsync([nearest], null, cancellation);
        return behavior.IsAnswered ? behavior : null;
    }

    private static FamilyReport Describe(StunSurveyResult family, NatBehavior? behavior)
    {
        TransportAddress[] mapped = [.. family.Answers.Select(answer => answer.Mapped)];
        TransportAddress[] addresses = [.. mapped.GroupBy(address => address.WithPort(0)).OrderByDescending(group => group.Count()).Select(group => group.Key)];
        bool? varies = family.Answers.Select(answer => answer.Server.Address.WithPort(0)).Distinct().Count() < 2 ? null : mapped.Distinct().Count() > 1;
        return new FamilyReport(family.Udp, addresses, varies, behavior);
    }

    private static RegionReport Describe(RelayRegion region, StunSurveyResult[] families, IReadOnlyDictionary<int, TimeSpan> https) => new(
        region.Id,
        region.Code,
        families[0].LatencyOf(region.Id),
        families[1].LatencyOf(region.Id),
        https.TryGetValue(region.Id, out TimeSpan latency) ? latency : null);
}
