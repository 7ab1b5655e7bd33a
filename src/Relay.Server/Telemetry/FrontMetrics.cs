using System.Diagnostics.Metrics;
using Relay.Protocol.Frames;
using Relay.Server.Core;
using Relay.Server.Hosting;

namespace Relay.Server.Telemetry;

/// <summary>The instruments of who is connected and of the region: read off when somebody asks.</summary>
internal static class FrontMetrics
{
    public static void AddTo(Meter meter, RelayServer relay)
    {
        RelayCounters counters = relay.Counters;
        meter.CreateObservableUpDownCounter("relay.clients", () => Clients(relay.Router), "{connection}", "Connections of clients, by what they are; one may be several.");
        meter.CreateObservableUpDownCounter("relay.keys", () => relay.Router.KeyCount, "{key}", "Different keys connected, each counted once a tenant.");
        meter.CreateObservableUpDownCounter("relay.keys.remote", () => relay.Router.Tenants.All.Sum(tenant => tenant.RemoteKeyCount), "{key}", "Keys that other relays of the region say are connected to them.");
        meter.CreateObservableUpDownCounter("relay.quarantine", () => relay.Router.Quarantine.Count, "{connection}", "Connections of refused clients that are kept, told why, and served nothing.");
        meter.CreateObservableUpDownCounter("relay.mesh.links", () => relay.Mesh.Up, "{link}", "Links to other relays of the region that are up.");
        meter.CreateObservableCounter("relay.websocket.accepts", () => relay.WebSockets.Accepts, "{connection}", "WebSockets opened.");
        meter.CreateObservableCounter("relay.packets.forwarded", () => Forwarded(counters), "{packet}", "Packets sent on to other relays of the region, and by them to us.");
        meter.CreateObservableCounter("relay.peer_gone", () => PeerGone(counters), "{frame}", "PeerGone frames queued for clients, by reason.");
    }

    private static IEnumerable<Measurement<long>> Clients(PacketRouter router)
    {
        ClientCensus census = ClientCensus.Of(router);
        return
        [
            Role(census.All, "all"), Role(census.Home, "home"), Role(census.NotIdeal, "not_ideal"), Role(census.Probers, "prober"),
            Role(census.MeshPeers, "mesh_peer"), Role(census.Watchers, "watcher"), Role(census.Duplicates, "duplicate"),
        ];

        static Measurement<long> Role(long count, string role) => new(count, new KeyValuePair<string, object?>("relay.client.role", role));
    }

    private static Measurement<long>[] Forwarded(RelayCounters counters) =>
        [new(counters.ForwardedIn.Packets, new KeyValuePair<string, object?>("network.io.direction", "in")), new(counters.ForwardedOut, new KeyValuePair<string, object?>("network.io.direction", "out"))];

    private static Measurement<long>[] PeerGone(RelayCounters counters) =>
    [
        new(counters.PeerGone(PeerGoneReason.Disconnected), new KeyValuePair<string, object?>("relay.peer_gone.reason", "disconnected")),
        new(counters.PeerGone(PeerGoneReason.NotHere), new KeyValuePair<string, object?>("relay.peer_gone.reason", "not_here")),
    ];
}
