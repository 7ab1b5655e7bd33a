using System.Text.Json;
using Relay.Protocol.Disco;

namespace Node.Agent.Control;

/// <summary>Writes what is known of a NAT, in the words of <c>relay-node stun --json</c>; what is not known is null.</summary>
internal static class NatProfileJson
{
    public static void Write(Utf8JsonWriter json, string name, NatProfile profile)
    {
        if (profile == default)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("udp", Spell(profile.Udp));
        json.WriteString("mapping", Spell(profile.Mapping));
        json.WriteString("filtering", Spell(profile.Filtering));
        json.WriteString("portAllocation", Spell(profile.Allocation));
        WriteNumber(json, "portStep", profile.PortStep);
        WriteNumber(json, "lowestPort", profile.LowestPort);
        WriteNumber(json, "highestPort", profile.HighestPort);
        if (profile.Hairpins is { } hairpins) json.WriteBoolean("hairpinning", hairpins);
        else json.WriteNull("hairpinning");
        WriteNumber(json, "lifetimeSeconds", profile.LifetimeSeconds);
        json.WriteBoolean("isNested", profile.IsNested);
        json.WriteBoolean("isCarrierGrade", profile.IsCarrierGrade);
        json.WriteBoolean("offersPortMapping", profile.OffersPortMapping);
        json.WriteEndObject();
    }

    /// <summary>A word of RFC 4787; null for what is not known.</summary>
    public static string? Spell<T>(T word)
        where T : struct, Enum =>
        EqualityComparer<T>.Default.Equals(word, default) ? null : JsonNamingPolicy.KebabCaseLower.ConvertName(word.ToString());

    private static void WriteNumber(Utf8JsonWriter json, string name, int number)
    {
        if (number == 0) json.WriteNull(name);
        else json.WriteNumber(name, number);
    }
}
