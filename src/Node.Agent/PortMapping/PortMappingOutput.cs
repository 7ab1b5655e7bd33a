using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Addresses;
using Node.Traversal;

namespace Node.Agent.PortMapping;

/// <summary>Writes what the gateways offer, for people and for programs. JSON's members and their values are a promise.</summary>
internal static class PortMappingOutput
{
    /// <summary>A few lines.</summary>
    public static string Text(PortMappingStatus status)
    {
        List<string> lines = [];
        AddLines(lines, status, "gateway", "port mapping", "none: there is no IPv4 default route with a gateway");
        if (status.OtherRouters.Count > 0) lines.Add($"other routers {string.Join(", ", status.OtherRouters.Select(router => router.ToIPAddress()))}: not the way out of here, not asked");
        if (status.Pinhole is { } pinhole) AddLines(lines, pinhole, "IPv6 gateway", "IPv6 pinhole", "none: there is no IPv6 default route with a gateway, or no global address");
        return string.Join('\n', lines);
    }

    /// <summary>A few words on whether the port is mapped, and how.</summary>
    public static string Summary(PortMappingStatus status) => status.State switch
    {
        PortMappingState.Off => "off",
        PortMappingState.NoGateway => "no gateway",
        PortMappingState.Asking => "the gateway is being asked",
        PortMappingState.Mapped => $"{status.Mapped} by {ProtocolOf(status)}",
        PortMappingState.NestedNat => "no: there is another NAT in front of the gateway",
        _ => status.Offered == PortMappingProtocols.None ? "no: the gateway offers none" : "no: the gateway refuses",
    };

    /// <summary>One line of JSON.</summary>
    public static string Json(PortMappingStatus status)
    {
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // No page shows it.
        {
            Write(json, status);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Writes it as an object.</summary>
    public static void Write(Utf8JsonWriter json, PortMappingStatus status)
    {
        json.WriteStartObject();
        WriteMembers(json, status);
        json.WriteStartArray("otherRouters");
        foreach (TransportAddress router in status.OtherRouters) json.WriteStringValue(Spell(router));
        json.WriteEndArray();
        if (status.Pinhole is { } pinhole)
        {
            json.WriteStartObject("pinhole");
            WriteMembers(json, pinhole);
            json.WriteEndObject();
        }
        else json.WriteNull("pinhole");

        json.WriteEndObject();
    }

    private static void AddLines(List<string> lines, PortMappingStatus status, string gateway, string mapping, string none)
    {
        const int Width = 14;
        if (status.Pcp is not { } pcp || status.Upnp is not { } upnp)
        {
            lines.Add($"{gateway.PadRight(Width)}{none}");
            return;
        }

        string state = status.State switch
        {
            PortMappingState.Mapped => $"mapped: {status.Mapped} leads to {status.Local}",
            PortMappingState.NestedNat => "not mapped: there is another NAT in front of the gateway",
            PortMappingState.Asking => "not mapped: the gateway gave half an answer",
            _ => "not mapped",
        };
        lines.Add($"{gateway.PadRight(Width)}{status.Gateway.ToIPAddress()}");
        lines.Add($"{mapping.PadRight(Width)}{state}");
        lines.Add($"  PCP         {Text(pcp)}");
        if (status.NatPmp is { } natPmp) lines.Add($"  NAT-PMP     {Text(natPmp)}");
        lines.Add($"  UPnP        {Text(upnp)}");
    }

    private static void WriteMembers(Utf8JsonWriter json, PortMappingStatus status)
    {
        json.WriteString("state", JsonNamingPolicy.KebabCaseLower.ConvertName(status.State.ToString()));
        json.WriteString("gateway", status.Gateway.IsValid ? status.Gateway.ToIPAddress().ToString() : null);
        json.WriteString("local", Spell(status.Local));
        json.WriteString("mapped", Spell(status.Mapped));
        Write(json, "pcp", status.Pcp);
        Write(json, "natPmp", status.NatPmp);
        Write(json, "upnp", status.Upnp);
    }

    private static void Write(Utf8JsonWriter json, string name, PortMappingOffer? offer)
    {
        if (offer is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("answer", JsonNamingPolicy.KebabCaseLower.ConvertName(offer.Answer.ToString()));
        json.WriteString("problem", offer.Problem);
        json.WriteString("external", Spell(offer.External));
        json.WriteNumber("lifetimeSeconds", (long)offer.Lifetime.TotalSeconds);
        json.WriteBoolean("permanent", offer.IsPermanent);
        json.WriteEndObject();
    }

    private static string Text(PortMappingOffer offer) => offer.Answer switch
    {
        PortMappingAnswer.Offered when offer.IsPermanent => "offered, but only for ever: it stays behind where the node crashes",
        PortMappingAnswer.Offered when offer.Lifetime > TimeSpan.Zero => $"offered, for {offer.Lifetime.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s",
        PortMappingAnswer.Offered => "offered",
        PortMappingAnswer.Asking => "not asked to the end",
        PortMappingAnswer.Silent => "no answer",
        _ => $"no: {offer.Problem}",
    };

    private static string ProtocolOf(PortMappingStatus status) =>
        status.Pcp?.Lifetime > TimeSpan.Zero ? "PCP" : status.NatPmp?.Lifetime > TimeSpan.Zero ? "NAT-PMP" : "UPnP";

    private static string? Spell(TransportAddress address) =>
        !address.IsValid ? null : address.Port == 0 ? address.ToIPAddress().ToString() : address.ToString();
}
