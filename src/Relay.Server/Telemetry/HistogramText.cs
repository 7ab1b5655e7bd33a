using System.Globalization;
using System.Text;

namespace Relay.Server.Telemetry;

/// <summary>A histogram as the metrics page shows it.</summary>
/// <param name="Name">Its name in the Prometheus manner: with the unit.</param>
/// <param name="Help">What it counts.</param>
/// <param name="Bounds">The upper bounds of all buckets but the last.</param>
/// <param name="Counts">What was counted, bucket by bucket.</param>
/// <param name="Sum">All values added up.</param>
internal sealed record HistogramSample(string Name, string Help, IReadOnlyList<double> Bounds, IReadOnlyList<long> Counts, double Sum);

/// <summary>
/// Writes histograms that were counted in place, in Prometheus' text format (version 0.0.4). OpenTelemetry has no instrument for these: it
/// wants to be told of each value, and a packet has no time for that.
/// </summary>
internal static class HistogramText
{
    public static string Of(IEnumerable<HistogramSample> samples)
    {
        StringBuilder text = new();
        foreach (HistogramSample sample in samples)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {sample.Name} {sample.Help}\n# TYPE {sample.Name} histogram\n");
            long count = 0;
            for (int bucket = 0; bucket < sample.Counts.Count; bucket++)
            {
                count += sample.Counts[bucket];
                string bound = bucket < sample.Bounds.Count ? sample.Bounds[bucket].ToString(CultureInfo.InvariantCulture) : "+Inf";
                text.Append(CultureInfo.InvariantCulture, $"{sample.Name}_bucket{{le=\"{bound}\"}} {count}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"{sample.Name}_sum {sample.Sum}\n{sample.Name}_count {count}\n");
        }

        return text.ToString();
    }
}
