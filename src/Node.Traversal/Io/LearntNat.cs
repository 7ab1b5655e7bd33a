using System.Net;
using System.Text.Json;
using Addresses;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;

namespace Node.Traversal.Io;

/// <summary>A NAT as it is kept in the state file.</summary>
/// <param name="Nat">What was found out.</param>
/// <param name="At">When.</param>
internal readonly record struct LearntNat(RememberedNat Nat, DateTimeOffset At)
{
    /// <summary>Reads one. False where there is none of that name.</summary>
    /// <exception cref="InvalidOperationException">A value is of another kind.</exception>
    /// <exception cref="KeyNotFoundException">A value is missing.</exception>
    /// <exception cref="FormatException">A value is out of range.</exception>
    public static bool TryRead(JsonElement network, string name, out LearntNat learnt)
    {
        learnt = default;
        if (!network.TryGetProperty(name, out JsonElement json)) return false;
        if (!IPAddress.TryParse(json.GetProperty("address").GetString(), out IPAddress? address)) throw new FormatException("a network's public address is no address");

        NatProfile profile = new(Word<NatMapping>(json, "mapping"), UdpReach.Works)
        {
            Filtering = Word<NatFiltering>(json, "filtering"),
            Allocation = Word<NatPortAllocation>(json, "allocation"),
            PortStep = json.GetProperty("portStep").GetInt16(),
            LowestPort = json.GetProperty("lowestPort").GetUInt16(),
            HighestPort = json.GetProperty("highestPort").GetUInt16(),
            Hairpins = json.GetProperty("hairpins") is { ValueKind: not JsonValueKind.Null } hairpins ? hairpins.GetBoolean() : null,
            LifetimeSeconds = json.GetProperty("lifetimeSeconds").GetUInt16(),
        };
        if (profile.LowestPort > profile.HighestPort) throw new FormatException("a network's block of ports ends before it begins");
        learnt = new LearntNat(new RememberedNat(TransportAddress.From(address, 0), profile), json.GetProperty("at").GetDateTimeOffset());
        return true;
    }

    /// <summary>Writes it.</summary>
    public void Write(Utf8JsonWriter json, string name)
    {
        NatProfile profile = Nat.Profile;
        json.WriteStartObject(name);
        json.WriteString("at", At);
        json.WriteString("address", Nat.Address.ToIPAddress().ToString());
        json.WriteString("mapping", profile.Mapping.ToString());
        json.WriteString("filtering", profile.Filtering.ToString());
        json.WriteString("allocation", profile.Allocation.ToString());
        json.WriteNumber("portStep", profile.PortStep);
        json.WriteNumber("lowestPort", profile.LowestPort);
        json.WriteNumber("highestPort", profile.HighestPort);
        if (profile.Hairpins is { } hairpins) json.WriteBoolean("hairpins", hairpins);
        else json.WriteNull("hairpins");
        json.WriteNumber("lifetimeSeconds", profile.LifetimeSeconds);
        json.WriteEndObject();
    }

    private static T Word<T>(JsonElement json, string name)
        where T : struct, Enum =>
        Enum.TryParse(json.GetProperty(name).GetString(), out T word) && Enum.IsDefined(word) ? word : throw new FormatException($"a network's {name} is none");
}
