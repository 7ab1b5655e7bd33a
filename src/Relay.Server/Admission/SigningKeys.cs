using Microsoft.IdentityModel.Tokens;

namespace Relay.Server.Admission;

/// <summary>The public keys that may sign tokens: the P-256 keys of a JSON Web Key Set (RFC 7517). No key of another kind is ever used.</summary>
internal sealed class SigningKeys
{
    /// <summary>The most keys of a set: tokens are tried against each.</summary>
    public const int MaxKeys = 16;

    /// <summary>The longest set, in bytes.</summary>
    public const int MaxLength = 64 << 10;

    private SigningKeys(IReadOnlyList<SecurityKey> keys) => Keys = keys;

    /// <summary>The set without a key: it vouches for no token.</summary>
    public static SigningKeys None { get; } = new([]);

    /// <summary>The keys; each has its thumbprint (RFC 7638) as its identifier.</summary>
    public IReadOnlyList<SecurityKey> Keys { get; }

    /// <exception cref="FormatException">It is no key set, or one without a key that we can use; the message says what is wrong.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SigningKeys Read(string path)
    {
        return Parse(ListFile.ReadText(path, MaxLength), path);
    }

    /// <param name="json">The set.</param>
    /// <param name="where">Where it comes from, for messages.</param>
    /// <exception cref="FormatException">As <see cref="Read"/>.</exception>
    public static SigningKeys Parse(string json, string where)
    {
        JsonWebKeySet set;
        try
        {
            set = JsonWebKeySet.Create(json);
        }
        catch (Exception exception) when (exception is ArgumentException or System.Text.Json.JsonException)
        {
            throw new FormatException($"{where} is no JSON Web Key Set; give what 'relay-server token issue --create-key' has written", exception);
        }

        if (set.Keys.Any(key => key.HasPrivateKey)) throw new FormatException($"{where} holds a private key, which a relay must not have; give the public half");
        SecurityKey[] usable = [.. set.Keys.Where(IsUsable).Select(Reduced)];
        if (usable.Length == 0) throw new FormatException($"{where} has no key of the type EC with the curve P-256 (ES256)");
        if (usable.Length > MaxKeys) throw new FormatException($"{where} has more than {MaxKeys} keys");
        return new SigningKeys(usable);
    }

    /// <summary>All keys of several sets.</summary>
    public static SigningKeys Union(IEnumerable<SigningKeys> sets) => new([.. sets.SelectMany(set => set.Keys).DistinctBy(key => key.KeyId)]);

    public bool Contains(string thumbprint) => Keys.Any(key => key.KeyId == thumbprint);

    private static bool IsUsable(JsonWebKey key) => key is { Kty: JsonWebAlgorithmsKeyTypes.EllipticCurve, Crv: JsonWebKeyECTypes.P256, X: not null, Y: not null } && key.Use is null or "sig";

    /// <summary>The key without what the set says beside it: nothing but the point decides which signature is good.</summary>
    private static JsonWebKey Reduced(JsonWebKey key)
    {
        JsonWebKey reduced = new() { Kty = key.Kty, Crv = key.Crv, X = key.X, Y = key.Y };
        reduced.KeyId = Base64UrlEncoder.Encode(reduced.ComputeJwkThumbprint());
        return reduced;
    }
}
