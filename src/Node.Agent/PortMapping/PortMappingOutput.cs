using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Addresses;
using Node.Traversal;

namespace Node.Agent.PortMapping;

/// <summary>Writes what the gateway offers, for people and for programs. JSON's members and their values are a promise.</summary>
internal static class PortMappingOutput
{
    /// <summary>A few lines.</summary>
    public static string Text(PortMappingStatus status)
    {
        if (status.Pcp is not { } pcp || status.NatPmp is not { } natPmp) return "gateway       none: there is no IPv4 default route with a gateway";
        string state = status.State switch
        {
            PortMappingState.Mapped => $"mapped: {status.Mapped} leads to {status.Local}",
            PortMappingState.NestedNat => "not mapped: there is another NAT in front of the gateway",
            PortMappingState.Asking => "not mapped: the gateway gave half an answer",
            _ => "not mapped",
        };
        return string.Join('\n', $"gateway       {status.Gateway.ToIPAddress()}", $"port mapping  {state}", $"  PCP         {Text(pcp)}", $"  NAT-PMP     {Text(natPmp)}");
    }

    /// <summary>One line of JSON.</summary>
    public static string Json(PortMappingStatus status)
    {
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // No page shows it.
        {
            json.WriteStartObject();
            json.WriteString("state", JsonNamingPolicy.KebabCaseLower.ConvertName(status.State.ToString()));
            json.WriteString("gateway", status.Gateway.IsValid ? status.Gateway.ToIPAddress().ToString() : null);
            json.WriteString("local", Spell(status.Local));
            json.WriteString("mapped", Spell(status.Mapped));
            Write(json, "pcp", status.Pcp);
            Write(json, "natPmp", status.NatPmp);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
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
        json.WriteEndObject();
    }

    private static string Text(PortMappingOffer offer) => offer.Answer switch
    {
        PortMappingAnswer.Offered when offer.Lifetime > TimeSpan.Zero => $"offered, for {offer.Lifetime.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s",
        PortMappingAnswer.Offered => "offered",
        PortMappingAnswer.Asking => "not asked to the end",
        PortMappingAnswer.Silent => "no answer",
        _ => $"no: {offer.Problem}",
    };

    private static string? Spell(TransportAddress address) =>
        !address.IsValid ? null : address.Port == 0 ? address.ToIPAddress().ToString() : address.ToString();
}
