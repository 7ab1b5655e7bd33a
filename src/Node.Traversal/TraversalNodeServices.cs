using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Node.Traversal;

/// <summary>Brings a node into a host.</summary>
public static class TraversalNodeServices
{
    /// <summary>Adds a node that starts and stops with the host. Ask the services for <see cref="TraversalNodeService"/> to use it.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">The node's options, checked when the host starts.</param>
    public static IServiceCollection AddTraversalNode(this IServiceCollection services, TraversalNodeOptions options) => services.AddTraversalNode(_ => options);

    /// <summary>Adds a node that starts and stops with the host. Ask the services for <see cref="TraversalNodeService"/> to use it.</summary>
    /// <param name="services">The host's services.</param>
    /// <param name="options">Makes the node's options when the host starts; what cannot be used ends the start with a sentence.</param>
    public static IServiceCollection AddTraversalNode(this IServiceCollection services, Func<IServiceProvider, TraversalNodeOptions> options)
    {
        services.AddSingleton(provider => new TraversalNodeService(() => options(provider)));
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<TraversalNodeService>());
        return services;
    }
}

/// <summary>A node as a service of a host.</summary>
public sealed class TraversalNodeService : IHostedService, IAsyncDisposable
{
    private readonly Func<TraversalNodeOptions> _options;
    private readonly TaskCompletionSource<TraversalNode> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal TraversalNodeService(Func<TraversalNodeOptions> options) => _options = options;

    /// <summary>The node, as soon as the host has started it.</summary>
    public Task<TraversalNode> Node => _started.Task;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            TraversalNode node = await TraversalNode.StartAsync(_options(), cancellationToken);
            if (!_started.TrySetResult(node)) await node.DisposeAsync(); // Stopped meanwhile.
        }
        catch (Exception exception)
        {
            _started.TrySetException(exception); // Whoever waits for the node hears why there is none; so does the host.
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _started.TrySetCanceled(CancellationToken.None); // One that never started never will: nobody is to wait for it.
        await DisposeAsync();
    }

    /// <summary>Ends the node where the host did not: it stops nothing when another of its services fails to start.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_started.Task.IsCompletedSuccessfully) await (await _started.Task).DisposeAsync();
    }
}
