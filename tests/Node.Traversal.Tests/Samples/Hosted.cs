using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Node.Traversal;
using Relay.Protocol;

namespace Samples;

/// <summary>A service that answers whatever one peer sends.</summary>
public sealed class EchoService(TraversalNodeService nodes, NodeKey friend) : BackgroundService
{
    public static IServiceCollection AddTo(IServiceCollection services, TraversalNodeOptions options, NodeKey friend) => services
        .AddTraversalNode(options)
        .AddHostedService(provider => new EchoService(provider.GetRequiredService<TraversalNodeService>(), friend));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        TraversalNode node = await nodes.Node;
        TraversalPeer peer = node.AddPeer(new TraversalPeerOptions { PublicKey = friend });
        while (true) peer.Send(await peer.ReceiveAsync(stoppingToken));
    }
}
