namespace NatLab;

/// <summary>tinyproxy, an HTTP proxy as sites have one: how it is configured and started.</summary>
public static class TinyProxy
{
    public const string Program = "tinyproxy";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Its command line, in the foreground, with its log on the standard output.</summary>
    /// <param name="directory">Where its configuration is written.</param>
    /// <param name="address">The address it listens on.</param>
    /// <param name="port">The TCP port.</param>
    /// <param name="credentials">User and password, with a space between; null = it asks for none.</param>
    public static IReadOnlyList<string> Command(string directory, string address, int port, string? credentials)
    {
        string configuration = Path.Combine(directory, $"tinyproxy-{port}.conf");
        File.WriteAllText(configuration, $"""
            Listen {address}
            Port {port}
            Timeout 600
            MaxClients 50
            LogLevel Info
            {(credentials is null ? "" : $"BasicAuth {credentials}")}

            """);
        return [Program, "-d", "-c", configuration];
    }

    /// <summary>Says of a line that it is printed once it listens.</summary>
    public static bool IsReadyLine(string line) => line.Contains("Accepting connections", StringComparison.Ordinal);

    /// <summary>Says of a line that somebody asks for a connection there.</summary>
    public static bool IsRequest(string line, string authority) => line.Contains($"CONNECT {authority} HTTP/1.1", StringComparison.Ordinal);

    /// <summary>Starts it on a site's router, on the LAN's side.</summary>
    public static async Task<LabProcess> StartAsync(Lab lab, Site site, int port, string? credentials)
    {
        LabProcess process = lab.Track(site.Router.Start($"{site.Name}:{Program}", Command(lab.Files, site.Gateway, port, credentials)));
        await process.WaitForLineAsync(IsReadyLine, StartTimeout);
        return process;
    }
}
