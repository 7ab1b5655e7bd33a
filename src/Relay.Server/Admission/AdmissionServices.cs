using Relay.Server.Hosting.Reloading;

namespace Relay.Server.Admission;

/// <summary>Adds admission to a host.</summary>
internal static class AdmissionServices
{
    /// <summary>How often signing keys are fetched again from a web address.</summary>
    private static readonly TimeSpan KeySetInterval = TimeSpan.FromMinutes(5);

    public static void AddAdmission(this IServiceCollection services, AdmissionOptions options)
    {
        services.AddSingleton(provider => LoadNow(ActivatorUtilities.CreateInstance<AdmissionGate>(provider), options));
        services.AddSingleton<LiveAdmission>();
        services.AddSingleton<KeySetDownload>();
        if (options.ListFiles.Count > 0) services.AddSingleton(provider => ReloadList(provider.GetRequiredService<AdmissionGate>(), options));
        if (options.RevocationFile is { } revoked) services.AddSingleton(provider => ReloadRevoked(provider.GetRequiredService<AdmissionGate>(), revoked));
        if (!options.TakesTokens) return;
        services.AddSingleton(provider => new Reloadable("signing keys", options.KeySetFiles, cancellation => LoadKeysAsync(provider.GetRequiredService<AdmissionGate>(), provider.GetRequiredService<KeySetDownload>(), options, cancellation))
        {
            ConcernsAdmission = true,
            Every = options.KeySetUrls.Count > 0 ? KeySetInterval : null,
        });
    }

    /// <summary>What is in files is there before the first client; web addresses are asked once the relay runs, so that it starts without them.</summary>
    private static AdmissionGate LoadNow(AdmissionGate gate, AdmissionOptions options)
    {
        gate.List = AllowList.Read(options.ListFiles);
        if (options.RevocationFile is { } revoked) gate.Revoked = RevocationList.Read(revoked);
        if (gate.Verifier is { } verifier) verifier.Keys = SigningKeys.Union(options.KeySetFiles.Select(SigningKeys.Read));
        return gate;
    }

    private static Reloadable ReloadList(AdmissionGate gate, AdmissionOptions options) => Reloadable.Of("admission list", options.ListFiles, () => gate.List = AllowList.Read(options.ListFiles)) with { ConcernsAdmission = true };

    private static Reloadable ReloadRevoked(AdmissionGate gate, string file) => Reloadable.Of("revoked tokens", [file], () => gate.Revoked = RevocationList.Read(file)) with { ConcernsAdmission = true };

    private static async Task LoadKeysAsync(AdmissionGate gate, KeySetDownload download, AdmissionOptions options, CancellationToken cancellation)
    {
        List<SigningKeys> sets = [.. options.KeySetFiles.Select(SigningKeys.Read)];
        foreach (Uri url in options.KeySetUrls) sets.Add(await download.GetAsync(url, cancellation));
        gate.Verifier!.Keys = SigningKeys.Union(sets);
    }
}
