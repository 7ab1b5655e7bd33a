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

        // Connections and links that are up stay up: the secret is asked for at a login.
        if (options.Front.MeshKeyPath is { } meshKey)
        {
            services.AddSingleton(provider => Reloadable.Of("mesh key", [meshKey], () => provider.GetRequiredService<RelayServer>().Identity.MeshSecret = FrontOptionKeys.ReadSecretFile(meshKey)));
        }
    }
}
