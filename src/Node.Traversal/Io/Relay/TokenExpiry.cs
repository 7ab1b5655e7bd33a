using System.Buffers.Text;
using System.Text.Json;

namespace Node.Traversal.Io.Relay;

/// <summary>When a token runs out, as it says itself: the claim <c>exp</c> of a JWT (RFC 7519 §4.1.4). Whether it counts is for relays to say.</summary>
internal static class TokenExpiry
{
    private const int JwtParts = 3;

    /// <summary>The end of a token; null where there is none, it is no JWT, or it does not say.</summary>
    public static DateTimeOffset? Of(string? token)
    {
        string[] parts = token?.Split('.') ?? [];
        if (parts.Length != JwtParts) return null;
        try
        {
            using JsonDocument claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
            if (claims.RootElement.ValueKind != JsonValueKind.Object || !claims.RootElement.TryGetProperty("exp", out JsonElement exp)) return null;
            bool isTime = exp.ValueKind == JsonValueKind.Number && exp.TryGetDouble(out double seconds) && seconds is > 0 and < uint.MaxValue;
            return isTime ? DateTimeOffset.FromUnixTimeSeconds((long)exp.GetDouble()) : null;
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null;
        }
    }
}
