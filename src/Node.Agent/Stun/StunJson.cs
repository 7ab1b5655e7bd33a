using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Addresses;
using Node.Traversal;

namespace Node.Agent.Stun;

/// <summary>Writes findings for programs. Members and their values are a promise.</summary>
internal static class StunJson
{
    /// <summary>One line of JSON.</summary>
    public static string Write(string target, IReadOnlyList<StunFinding> findings)
    {
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // No page shows it.
        {
            json.WriteStartObject();
            json.WriteString("target", target);
            json.WriteBoolean("answered", findings.Any(finding => finding.IsAnswered));
            json.WriteStartArray("results");
            foreach (StunFinding finding in findings) Write(json, finding);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes one finding as an object.</summary>
    public static void Write(Utf8JsonWriter json, StunFinding finding)
    {
        json.WriteStartObject();
        json.WriteString("family", finding.IsIpv4 ? "ipv4" : "ipv6");
        json.WriteString("transport", finding.Transport.ToString().ToLowerInvariant());
        json.WriteString("server", finding.Server.ToString());
        json.WriteBoolean("answered", finding.IsAnswered);
        json.WriteString("udp", finding.Udp switch
        {
            UdpFinding.Works => "works",
            UdpFinding.Blocked => "blocked",
            UdpFinding.NobodyListens => "nobody-listens",
            UdpFinding.Silent => "silent",
            _ => null,
        });
        Write(json, "mapped", finding.Mapped);
        Write(json, "local", finding.Local);
        if (finding.Rtt is { } rtt) json.WriteNumber("rttMs", Math.Round(rtt.TotalMilliseconds, 3));
        else json.WriteNull("rttMs");
        json.WriteString("software", finding.Software);
        if (finding.IsAnswered && finding.Behavior is { } behavior) WriteBehavior(json, behavior);
        json.WriteStartArray("problems");
        foreach (string problem in finding.Problems) json.WriteStringValue(problem);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteBehavior(Utf8JsonWriter json, NatBehavior behavior)
    {
        Write(json, "otherAddress", behavior.OtherAddress);
        json.WriteString("nat", behavior.Presence switch
        {
            NatPresence.Nat => "nat",
            NatPresence.FirewallOnly => "firewall",
            NatPresence.None => "none",
            NatPresence.NoneOrFirewall => "none-or-firewall",
            _ => "unknown",
        });
        json.WriteString("mapping", Name((int)behavior.Mapping));
        json.WriteString("filtering", Name((int)behavior.Filtering));
        json.WriteStartObject("portAllocation");
        json.WriteString("pattern", behavior.PortAllocation.Pattern.ToString().ToLowerInvariant());
        json.WriteNumber("step", behavior.PortAllocation.Step);
        json.WriteNumber("lowest", behavior.PortAllocation.Lowest);
        json.WriteNumber("highest", behavior.PortAllocation.Highest);
        json.WriteBoolean("confined", behavior.PortAllocation.IsConfined);
        json.WriteEndObject();
        if (behavior.Hairpinning is { } hairpins) json.WriteBoolean("hairpinning", hairpins);
        else json.WriteNull("hairpinning");
        json.WriteStartArray("publicAddresses");
        foreach (TransportAddress address in behavior.PublicAddresses) json.WriteStringValue(address.ToIPAddress().ToString());
        json.WriteEndArray();
        json.WriteStartArray("notes");
        foreach (NatNote note in behavior.Notes)
        {
            json.WriteStartObject();
            json.WriteString("about", note.Aspect == NatAspect.PortAllocation ? "portAllocation" : note.Aspect.ToString().ToLowerInvariant());
            json.WriteString("text", note.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("requestsSent", behavior.RequestsSent);
        json.WriteNumber("requestsSentAgain", behavior.RequestsSentAgain);
        json.WriteNumber("datagramsIgnored", behavior.DatagramsIgnored);
    }

    /// <summary>Mapping and filtering share their names and their order.</summary>
    private static string Name(int behavior) => behavior switch
    {
        (int)MappingBehavior.EndpointIndependent => "endpoint-independent",
        (int)MappingBehavior.AddressDependent => "address-dependent",
        (int)MappingBehavior.AddressAndPortDependent => "address-and-port-dependent",
        _ => "unknown",
    };

    private static void Write(Utf8JsonWriter json, string name, TransportAddress address) => json.WriteString(name, address.IsValid ? address.ToString() : null);
}
