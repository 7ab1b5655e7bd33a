using System.Globalization;
using System.Text.Json;

namespace NatLab;

/// <summary>Measures how much a path carries, with <c>iperf3</c>.</summary>
public static class Throughput
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(15); // For connecting and saying goodbye over a path that loses packets.

    /// <summary>Sends TCP from <paramref name="client"/> to <paramref name="address"/>, an address of <paramref name="server"/>.</summary>
    /// <returns>What arrived, in Mbit/s.</returns>
    public static async Task<double> MeasureTcpAsync(LabHost client, LabHost server, string address, TimeSpan duration)
    {
        LabProcess listener = server.Start(["iperf3", "--server", "--one-off", "--bind", address, "--forceflush"]);
        await listener.WaitForLineAsync(line => line.Contains("listening", StringComparison.Ordinal), StartTimeout);
        string seconds = duration.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        CommandResult result = await client.Namespace.TryRunAsync(["iperf3", "--client", address, "--time", seconds, "--json"], duration + Slack);
        await listener.StopAsync();
        if (result.ExitCode != 0) throw new LabException($"iperf3 from {client.Name} to {address}: exit code {result.ExitCode}: {result.Output}{result.Error}");

        using JsonDocument report = JsonDocument.Parse(result.Output);
        return report.RootElement.GetProperty("end").GetProperty("sum_received").GetProperty("bits_per_second").GetDouble() / 1e6;
    }
}
