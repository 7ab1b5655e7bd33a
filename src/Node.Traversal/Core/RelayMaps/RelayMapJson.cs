using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Addresses;

namespace Node.Traversal.Core.RelayMaps;

/// <summary>Reads DERPMap JSON, with messages that say where it is wrong.</summary>
internal static class RelayMapJson
{
    private const int MaxRegions = 1000;
    private const int MaxNodesOfRegion = 64;
    private const string PinPrefix = "sha256-raw:";
    private const int PinLength = 64;

    public static RelayMap Parse(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return ParseMap(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new FormatException($"The relay map is not JSON: {ProblemOf(json, exception)}", exception);
        }
        catch (InvalidOperationException exception)
        {
            throw new FormatException($"A value of the relay map has the wrong type: {exception.Message}", exception);
        }
    }

    /// <summary>What is wrong, in lines and columns as an editor counts them.</summary>
    private static string ProblemOf(string json, JsonException exception) => string.IsNullOrWhiteSpace(json)
        ? "it is empty."
        : $"line {exception.LineNumber + 1}, column {exception.BytePositionInLine + 1}: {exception.Message.Split(" LineNumber:")[0]}";

    private static RelayMap ParseMap(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("Regions", out JsonElement regions) || regions.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("The relay map needs an object \"Regions\" at its top: {\"Regions\": {\"900\": {…}}}.");
        }

        List<RelayRegion> parsed = [.. regions.EnumerateObject().Where(region => region.Value.ValueKind != JsonValueKind.Null).Select(region => ParseRegion(region.Name, region.Value))];
        if (parsed.Count > MaxRegions) throw new FormatException($"The relay map has {parsed.Count} regions; at most {MaxRegions} are taken.");
        if (parsed.GroupBy(region => region.Id).FirstOrDefault(same => same.Count() > 1) is { } twice) throw new FormatException($"The relay map has region {twice.Key} twice.");
        return new RelayMap([.. parsed.OrderBy(region => region.Id)]);
    }

    private static RelayRegion ParseRegion(string name, JsonElement json)
    {
        string where = $"Region \"{name}\"";
        if (!int.TryParse(name, out int id) || id <= 0) throw new FormatException($"{where} of the relay map is named by its number, such as \"900\".");
        if (Number(json, "RegionID", id, where) != id) throw new FormatException($"{where} of the relay map has another RegionID inside; they must agree.");

        List<RelayNode> nodes = [];
        if (json.TryGetProperty("Nodes", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            if (list.GetArrayLength() > MaxNodesOfRegion) throw new FormatException($"{where} of the relay map has more than {MaxNodesOfRegion} nodes.");
            nodes.AddRange(list.EnumerateArray().Select(node => ParseNode(node, where)));
        }

        bool isForbidden = Flag(json, "NoMeasureNoHome") || Flag(json, "Avoid");
        return new RelayRegion
        {
            Id = id,
            Code = Text(json, "RegionCode") is { Length: > 0 } code ? code : name,
            Nodes = nodes,
            MayBeHome = !isForbidden && nodes.Exists(node => !node.IsStunOnly),
        };
    }

    private static RelayNode ParseNode(JsonElement json, string region)
    {
        string name = Text(json, "Name") ?? "";
        string where = $"{region}, node \"{name}\"";
        string host = Text(json, "HostName") ?? "";
        string certificate = Text(json, "CertName") ?? "";
        string ipv4 = Text(json, "IPv4") ?? "";
        string ipv6 = Text(json, "IPv6") ?? "";
        string test = Text(json, "STUNTestIP") ?? "";
        int stun = Number(json, "STUNPort", 0, where);
        int relay = Number(json, "DERPPort", 0, where);
        if (stun is < -1 or > ushort.MaxValue) throw new FormatException($"{where}: STUNPort {stun} is no port; 0 means 3478, -1 means none.");
        if (relay is < 0 or > ushort.MaxValue) throw new FormatException($"{where}: DERPPort {relay} is no port; 0 means 443.");
        if (host.Length == 0 && ipv4.Length == 0 && ipv6.Length == 0) throw new FormatException($"{where} has neither HostName nor IPv4 nor IPv6.");

        bool isPin = certificate.StartsWith(PinPrefix, StringComparison.Ordinal);
        string pin = isPin ? certificate[PinPrefix.Length..] : "";
        if (isPin && (pin.Length != PinLength || !pin.All(char.IsAsciiHexDigit))) throw new FormatException($"{where}: CertName {PinPrefix} wants {PinLength} hexadecimal digits.");

        RelayNode node = new()
        {
            Name = name,
            HostName = host.Length > 0 ? host : ipv4.Length > 0 ? ipv4 : ipv6,
            CertificateName = isPin || certificate.Length == 0 ? null : certificate,
            CertificatePin = isPin ? pin.ToLowerInvariant() : null,
            Ipv4 = Literal(ipv4, AddressFamily.InterNetwork, "IPv4", where),
            Ipv6 = Literal(ipv6, AddressFamily.InterNetworkV6, "IPv6", where),
            IsIpv4Off = ipv4 == "none",
            IsIpv6Off = ipv6 == "none",
            RelayPort = relay == 0 ? (ushort)443 : (ushort)relay,
            StunPort = stun == 0 ? (ushort)3478 : stun < 0 ? (ushort)0 : (ushort)stun,
            IsStunOnly = Flag(json, "STUNOnly"),
            HasHttp = Flag(json, "CanPort80"),
            InsecureForTests = Flag(json, "InsecureForTests"),
            IsPlain = Flag(json, "PlainForTests"),
        };
        return test.Length == 0 ? node : WithTestAddress(node, test, where);
    }

    /// <summary>STUNTestIP stands in for the addresses of the node.</summary>
    private static RelayNode WithTestAddress(RelayNode node, string text, string where)
    {
        if (!IPAddress.TryParse(text, out IPAddress? address)) throw new FormatException($"{where}: STUNTestIP \"{text}\" is no IP address.");
        TransportAddress value = TransportAddress.From(address, 0);
        return value.IsIpv4 ? node with { Ipv4 = value } : node with { Ipv6 = value };
    }

    private static TransportAddress Literal(string text, AddressFamily family, string field, string where)
    {
        if (text.Length == 0 || text == "none") return default;
        if (!IPAddress.TryParse(text, out IPAddress? address) || address.AddressFamily != family)
        {
            throw new FormatException($"{where}: {field} \"{text}\" is no {field} address; leave it out to use HostName, or \"none\" to turn the family off.");
        }

        return TransportAddress.From(address, 0);
    }

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value.GetString() : null;

    private static bool Flag(JsonElement json, string name) =>
        json.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null && value.GetBoolean();

    private static int Number(JsonElement json, string name, int absent, string where)
    {
        if (!json.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return absent;
        return value.TryGetInt32(out int number) ? number : throw new FormatException($"{where}: {name} is no whole number.");
    }
}
