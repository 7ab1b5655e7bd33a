using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Addresses;
using Node.Agent.PortMapping;
using Node.Agent.Stun;
using Node.Traversal;

namespace Node.Agent.Netcheck;

/// <summary>Writes a report on the network for programs. Members and their values are a promise.</summary>
internal static class NetworkJson
{
    /// <summary>One line of JSON.</summary>
    public static string Write(NetworkReport report)
    {
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // No page shows it.
        {
            json.WriteStartObject();
            json.WriteBoolean("answered", report.IsAnswered);
            Write(json, "ipv4", report.Ipv4);
            Write(json, "ipv6", report.Ipv6);
            json.WritePropertyName("portMapping");
            json.WriteRawValue(PortMappingOutput.Json(report.PortMapping));
            Write(json, "captivePortal", report.CaptivePortal);
            json.WriteString("proxy", report.Proxy?.ToString());
            json.WriteNumber("homeRegion", report.HomeRegion);
            json.WriteStartArray("regions");
            foreach (RegionReport region in report.Regions) Write(json, region);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, string name, FamilyReport family)
    {
        json.WriteStartObject(name);
        json.WriteString("udp", JsonNamingPolicy.KebabCaseLower.ConvertName(family.Udp.ToString()));
        json.WriteStartArray("publicAddresses");
        foreach (TransportAddress address in family.PublicAddresses) json.WriteStringValue(address.ToIPAddress().ToString());
        json.WriteEndArray();
        Write(json, "mappingVaries", family.MappingVaries);
        json.WritePropertyName("stun");
        if (family.Behavior is { } behavior) StunJson.Write(json, NetworkText.FindingOf(behavior));
        else json.WriteNullValue();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, RegionReport region)
    {
        json.WriteStartObject();
        json.WriteNumber("regionId", region.RegionId);
        json.WriteString("regionCode", region.Code);
        Write(json, "latencyMs", region.Latency);
        Write(json, "ipv4Ms", region.Ipv4);
        Write(json, "ipv6Ms", region.Ipv6);
        Write(json, "httpsMs", region.Https);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, bool? value)
    {
        if (value is { } known) json.WriteBoolean(name, known);
        else json.WriteNull(name);
    }

    private static void Write(Utf8JsonWriter json, string name, TimeSpan? value)
    {
        if (value is { } known) json.WriteNumber(name, Math.Round(known.TotalMilliseconds, 3));
        else json.WriteNull(name);
    }
}
