using Relay.Server.Core;

namespace Relay.Server.Telemetry;

/// <summary>
/// What each tenant has sent and was sent. The first tenants to come have a name of their own in the metrics; all others share one, so that
/// there is an end to the labels.
/// </summary>
internal sealed class TenantTotals(TenantRegistry tenants)
{
    /// <summary>The most tenants with a name of their own.</summary>
    public const int MaxNamed = 50;

    /// <summary>The name of those who have no tenant.</summary>
    public const string None = "none";

    /// <summary>The name that the rest share. A tenant that is called so shares it too.</summary>
    public const string Rest = "other";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, TrafficTotals> _shown = new(StringComparer.Ordinal);

    /// <summary>The totals by name. They never fall, though a connection that leaves at this moment may be missed until the next time.</summary>
    public IReadOnlyList<(string Name, TrafficTotals Totals)> Read()
    {
        lock (_lock)
        {
            Dictionary<string, TrafficTotals> sums = new(StringComparer.Ordinal) { [Rest] = tenants.Forgotten };
            foreach (Tenant tenant in tenants.All)
            {
                string name = NameFor(tenant.Name, sums);
                sums[name] = sums.GetValueOrDefault(name) + tenant.Totals;
            }

            foreach ((string name, TrafficTotals sum) in sums) _shown[name] = Largest(sum, _shown.GetValueOrDefault(name));
            return [.. _shown.Select(shown => (shown.Key, shown.Value))];
        }
    }

    private string NameFor(string tenant, Dictionary<string, TrafficTotals> sums)
    {
        string name = tenant.Length > 0 ? tenant : None;
        bool hasName = _shown.ContainsKey(name) || sums.ContainsKey(name) || Math.Max(_shown.Count, sums.Count) <= MaxNamed;
        return hasName ? name : Rest;
    }

    private static TrafficTotals Largest(TrafficTotals left, TrafficTotals right) =>
        new(Math.Max(left.PacketsIn, right.PacketsIn), Math.Max(left.BytesIn, right.BytesIn), Math.Max(left.PacketsOut, right.PacketsOut), Math.Max(left.BytesOut, right.BytesOut));
}
