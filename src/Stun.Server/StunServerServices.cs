using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Stun.Server;

/// <summary>Brings the STUN server into a host.</summary>
public static class StunServerServices
{
    /// <summary>
    /// Adds a server that starts and stops with the host. Ask the services for <see cref="StunServer"/> to learn the addresses it got.
    /// </summary>
    public static IServiceCollection AddStunServer(this IServiceCollection services, StunServerOptions options)
    {
        services.AddMetrics();
        services.AddLogging();
        services.TryAddSingleton(provider => ActivatorUtilities.CreateInstance<StunServer>(provider, options));
        return services.AddHostedService(provider => provider.GetRequiredService<StunServer>());
    }
}
