using System.Globalization;

namespace NatLab;

/// <summary>A STUN server on the public server's two addresses and two ports, the second one the next. Several live side by side on ports of their own.</summary>
/// <param name="Port">The first port.</param>
public sealed record StunStation(int Port)
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    /// <summary>Where to ask, as a program takes it.</summary>
    public string Target => $"{Lab.ServerAddress}:{Port}";

    /// <summary>The other address with the other port (RFC 5780, OTHER-ADDRESS).</summary>
    public string Other => $"{Lab.ServerSecondAddress}:{Port + 1}";

    /// <summary>Starts our server as an operator would, over UDP and TCP, and waits until it is ready.</summary>
    public static async Task<StunStation> StartOursAsync(Lab lab, int port = 3478)
    {
        StunStation station = new(port);
        string program = await PublishedPrograms.PathOfAsync("stun-server");
        LabProcess server = lab.Server.Start([program, "--listen", station.Target, "--alternate", station.Other, "--listen-tcp", station.Target]);
        await server.WaitForLineAsync(ProgramReady.IsReadyLine, StartTimeout);
        return station;
    }

    /// <summary>Starts coturn as a STUN server alone, and waits until it is ready.</summary>
    public static async Task<StunStation> StartCoturnAsync(Lab lab, int port)
    {
        LabProcess server = lab.Server.Start([
            "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--stun-only", "--no-auth", "--log-file", "stdout", "--simple-log",
            "--pidfile", Path.Combine(lab.Files, "coturn.pid"), "-L", Lab.ServerAddress, "-L", Lab.ServerSecondAddress,
            "-p", Text(port), "--alt-listening-port", Text(port + 1)]);
        await server.WaitForLineAsync(line => line.Contains("Total General servers", StringComparison.Ordinal), StartTimeout);
        return new StunStation(port);
    }

    /// <summary>Starts Debian's <c>stun-server</c>, which speaks classic STUN (RFC 3489), and waits until it is ready.</summary>
    public static async Task<StunStation> StartClassicAsync(Lab lab, int port)
    {
        // It says when it is ready on a stream that it only empties when it ends or says much: so it is asked until it answers.
        lab.Server.Start(["stund", "-h", Lab.ServerAddress, "-a", Lab.ServerSecondAddress, "-p", Text(port), "-o", Text(port + 1)]);
        await lab.Server.Namespace.WaitForUdpAsync(port, StartTimeout);
        return new StunStation(port);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
