using System.Globalization;
using System.Text;
using Node.Traversal;

namespace Node.Agent.Stun;

/// <summary>Writes findings for people.</summary>
internal static class StunText
{
    private const int Column = 20;

    public static string Write(IReadOnlyList<StunFinding> findings) => string.Join("\n\n", findings.Select(Write));

    private static string Write(StunFinding finding)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{finding.Server} over {finding.Transport.ToString().ToUpperInvariant()}");
        if (finding.Rtt is { } rtt) text.Append(CultureInfo.InvariantCulture, $", {rtt.TotalMilliseconds:0.0} ms");
        if (finding.Software is { } software) text.Append(CultureInfo.InvariantCulture, $", {software}");
        if (!finding.IsAnswered)
        {
            text.Append(": no answer");
            foreach (string problem in finding.Problems) text.Append(CultureInfo.InvariantCulture, $"\n  {problem}");
            return text.ToString();
        }

        Row(text, "mapped address", $"{finding.Mapped}{(finding.Mapped == finding.Local ? "" : $", from {finding.Local}")}");
        if (finding.Behavior is { } behavior) WriteBehavior(text, behavior);
        else Row(text, "NAT", finding.Mapped == finding.Local ? "none: that is the local address" : "yes");
        return text.ToString();
    }

    private static void WriteBehavior(StringBuilder text, NatBehavior behavior)
    {
        Row(text, "NAT", Presence(behavior));
        Row(text, "mapping", Mapping(behavior.Mapping));
        Row(text, "filtering", Filtering(behavior.Filtering));
        if (behavior.Presence == NatPresence.Nat)
        {
            Row(text, "port allocation", Allocation(behavior.PortAllocation));
            Row(text, "hairpinning", behavior.Hairpinning switch { true => "yes", false => "no", _ => "unknown" });
            if (behavior.PublicAddresses.Count > 1) Row(text, "addresses", "several, from a pool: " + string.Join(", ", behavior.PublicAddresses.Select(address => address.ToIPAddress())));
        }

        foreach (NatNote note in behavior.Notes) Row(text, "note", $"{Aspect(note.Aspect)}: {note.Text}");
        if (behavior.DatagramsIgnored > 0) Row(text, "ignored", $"{behavior.DatagramsIgnored} datagrams: late, doubled, damaged, forged, or from an address that was not asked");
    }

    private static string Presence(NatBehavior behavior) => behavior.Presence switch
    {
        NatPresence.None => "none, and no firewall: anybody's packets come in",
        NatPresence.FirewallOnly => "none, but a firewall",
        NatPresence.NoneOrFirewall => "none; whether there is a firewall could not be told",
        NatPresence.Nat => "yes",
        _ => "unknown",
    };

    private static string Mapping(MappingBehavior mapping) => mapping switch
    {
        MappingBehavior.EndpointIndependent => "endpoint-independent (one public port, whatever the destination)",
        MappingBehavior.AddressDependent => "address-dependent (another public port for another destination address)",
        MappingBehavior.AddressAndPortDependent => "address and port-dependent (another public port for every destination)",
        _ => "unknown",
    };

    private static string Filtering(FilteringBehavior filtering) => filtering switch
    {
        FilteringBehavior.EndpointIndependent => "endpoint-independent (anybody's packets come in)",
        FilteringBehavior.AddressDependent => "address-dependent (packets of addresses that were sent to)",
        FilteringBehavior.AddressAndPortDependent => "address and port-dependent (packets of addresses and ports that were sent to)",
        _ => "unknown",
    };

    private static string Allocation(PortAllocation allocation) => allocation.Pattern switch
    {
        PortAllocationPattern.Preserving => "preserving (the public port is the local one)",
        PortAllocationPattern.Sequential => $"sequential, step {allocation.Step} (ports {allocation.Lowest} to {allocation.Highest} seen)",
        PortAllocationPattern.Random when allocation.IsConfined => $"random within a block (ports {allocation.Lowest} to {allocation.Highest} seen)",
        PortAllocationPattern.Random => $"random (ports {allocation.Lowest} to {allocation.Highest} seen)",
        _ => "unknown",
    };

    private static string Aspect(NatAspect aspect) => aspect == NatAspect.PortAllocation ? "port allocation" : aspect.ToString().ToLowerInvariant();

    private static void Row(StringBuilder text, string name, string value) => text.Append('\n').Append("  ").Append(name.PadRight(Column - 2)).Append(value);
}
