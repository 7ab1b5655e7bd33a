using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Facade;

public sealed class TraversalNodeServiceTests
{
    private static readonly TraversalNodeOptions Options = new() { PrivateKey = CoreTesting.Keys(31), AllowLoopback = true };

    [Fact]
    public async Task The_node_starts_and_stops_with_the_host()
    {
        using IHost host = HostWith(services => services.AddTraversalNode(Options));
        TraversalNodeService service = host.Services.GetRequiredService<TraversalNodeService>();
        Assert.False(service.Node.IsCompleted);

        await host.StartAsync(TestContext.Current.CancellationToken);
        TraversalNode node = await service.Node;
        Assert.Equal(Options.PrivateKey.PublicKey, node.PublicKey);
        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.Throws<ObjectDisposedException>(() => node.AddPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(32).PublicKey }));
    }

    [Fact]
    public async Task Options_that_cannot_be_used_end_the_start_and_whoever_waits_hears_why()
    {
        using IHost host = HostWith(services => services.AddTraversalNode(_ => Options with { Port = 0 }));

        await Assert.ThrowsAsync<ArgumentException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        ArgumentException heard = await Assert.ThrowsAsync<ArgumentException>(() => host.Services.GetRequiredService<TraversalNodeService>().Node);
        Assert.Contains("Port 0", heard.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_waits_for_a_node_that_was_stopped_before_it_started()
    {
        using IHost host = HostWith(services => services.AddTraversalNode(Options));
        TraversalNodeService service = host.Services.GetRequiredService<TraversalNodeService>();

        await service.StopAsync(TestContext.Current.CancellationToken);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => service.Node);
        await service.StartAsync(TestContext.Current.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => service.Node);
    }

    [Fact]
    public async Task The_node_of_a_host_whose_start_failed_ends_with_it()
    {
        TraversalNode node;
        using (IHost host = HostWith(services => services.AddTraversalNode(Options).AddHostedService<Failing>()))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync(TestContext.Current.CancellationToken));
            node = await host.Services.GetRequiredService<TraversalNodeService>().Node;
        }

        Assert.Throws<ObjectDisposedException>(() => node.AddPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(32).PublicKey }));
    }

    private static IHost HostWith(Action<IServiceCollection> add)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        add(builder.Services);
        return builder.Build();
    }

    private sealed class Failing : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => throw new InvalidOperationException("on purpose");

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
