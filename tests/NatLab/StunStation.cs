namespace NatLab;

/// <summary>A STUN server on the public server's two addresses, with behaviour discovery (RFC 5780).</summary>
public static class StunStation
{
    public const int Port = 3478;
    public const int AlternatePort = 3479;

    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Where to ask, as a program takes it.</summary>
    public static string Target => $"{Lab.ServerAddress}:{Port}";

    /// <summary>Starts our server as an operator would, over UDP and TCP, and waits until it is ready.</summary>
    public static async Task<LabProcess> StartOursAsync(Lab lab)
    {
        string program = await PublishedPrograms.PathOfAsync("stun-server");
        LabProcess server = lab.Server.Start(
            [program, "--listen", Target, "--alternate", $"{Lab.ServerSecondAddress}:{AlternatePort}", "--listen-tcp", Target]);
        await server.WaitForLineAsync(ProgramReady.IsReadyLine, StartTimeout);
        return server;
    }

    /// <summary>Starts coturn as a STUN server alone, over UDP and TCP, and waits until it is ready.</summary>
    public static async Task<LabProcess> StartCoturnAsync(Lab lab)
    {
        LabProcess server = lab.Server.Start([
            "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--stun-only", "--no-auth", "--log-file", "stdout", "--simple-log", "--pidfile", Path.Combine(lab.Files, "coturn.pid"),
            "-L", Lab.ServerAddress, "-L", Lab.ServerSecondAddress, "-p", $"{Port}", $"--alt-listening-port={AlternatePort}"]);
        await server.WaitForLineAsync(line => line.Contains("IPv4. UDP listener opened on: " + Lab.ServerSecondAddress + ":" + AlternatePort, StringComparison.Ordinal), StartTimeout);
        return server;
    }

    /// <summary>Starts Debian's stun-server, which speaks classic STUN (RFC 3489), and waits until it is ready.</summary>
    public static async Task<LabProcess> StartClassicAsync(Lab lab)
    {
        LabProcess server = lab.Server.Start(["stund", "-v", "-h", Lab.ServerAddress, "-a", Lab.ServerSecondAddress, "-p", $"{Port}", "-o", $"{AlternatePort}"]);
        await server.WaitForLineAsync(line => line.StartsWith($"Opened port {AlternatePort} with fd", StringComparison.Ordinal), StartTimeout);
        return server;
    }
}
