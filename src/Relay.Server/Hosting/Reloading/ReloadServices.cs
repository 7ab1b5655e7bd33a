using Relay.Server.Hosting;

namespace Relay.Server.Hosting.Reloading;

/// <summary>Adds reloading to a host.</summary>
internal static class ReloadServices
{
    public static void AddReloading(this IServiceCollection services, RelayServerOptions options)
    {
        services.AddSingleton<ReloadCounters>();
        services.AddHostedService<ReloadService>();
        if (options.CertificatePath is { } certificate && options.CertificateKeyPath is { } key && options.Listen.Count > 0)
        {
            services.AddSingleton(provider => Reloadable.Of("certificate", [certificate, key], () => provider.GetRequiredService<ServerCertificateSource>().Replace(ServerCertificate.FromFiles(certificate, key))));
        }
    }
}
