using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>Who is connected, counted by walking over all: for somebody who asks now and then.</summary>
internal readonly record struct ClientCensus
{
    /// <summary>Connections that can be reached.</summary>
    public int All { get; init; }

    /// <summary>Those for which this relay is home.</summary>
    public int Home { get; init; }

    /// <summary>Those that would rather be with another relay of the region.</summary>
    public int NotIdeal { get; init; }

    public int Probers { get; init; }

    public int MeshPeers { get; init; }

    /// <summary>Those that are told who comes and who goes.</summary>
    public int Watchers { get; init; }

    /// <summary>Connections whose key has others too.</summary>
    public int Duplicates { get; init; }

    public static ClientCensus Of(PacketRouter router)
    {
        ClientCensus census = default;
        foreach (ClientSet set in router.Tenants.All.SelectMany(tenant => tenant.Clients))
        {
            ClientConnection[] connections = set.Connections;
            foreach (ClientConnection connection in connections)
            {
                PeerPresentFlags flags = connection.Flags;
                census = census with
                {
                    All = census.All + 1,
                    Home = census.Home + (connection.IsHome ? 1 : 0),
                    NotIdeal = census.NotIdeal + (flags.HasFlag(PeerPresentFlags.NotIdeal) ? 1 : 0),
                    Probers = census.Probers + (flags.HasFlag(PeerPresentFlags.Prober) ? 1 : 0),
                    MeshPeers = census.MeshPeers + (flags.HasFlag(PeerPresentFlags.MeshPeer) ? 1 : 0),
                    Watchers = census.Watchers + (connection.Queue.Feed is not null ? 1 : 0),
                    Duplicates = census.Duplicates + (connections.Length > 1 ? 1 : 0),
                };
            }
        }

        return census;
    }
}
