using System.Text.Json;

namespace Relay.Protocol.Handshake;

/// <summary>Walks the JSON object of a ClientInfo or ServerInfo.</summary>
internal static class InfoJson
{
    private const int MeshKeyLength = 64;

    /// <summary>Hands each member to <paramref name="member"/>; false where the JSON, or a value's type, is not what it should be.</summary>
    public static bool TryRead(byte[] json, Action<string, JsonElement> member)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 8 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return false;
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.Value.ValueKind != JsonValueKind.Null) member(property.Name, property.Value);
            }

            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    public static bool Is(string name, string wanted) => string.Equals(name, wanted, StringComparison.OrdinalIgnoreCase);

    /// <exception cref="FormatException">Neither empty nor 64 hexadecimal digits.</exception>
    public static string? MeshKey(JsonElement value)
    {
        string text = value.GetString() ?? "";
        if (text.Length == 0) return null;
        if (text.Length != MeshKeyLength || !text.All(char.IsAsciiHexDigit)) throw new FormatException("A mesh key has 64 hexadecimal digits.");
        return text.All(digit => digit == '0') ? null : text;
    }
}
