using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Relay.Protocol;

namespace Relay.Server.Admission;

/// <summary>What a token is to say.</summary>
internal sealed record TokenContent
{
    /// <summary>Whose it is.</summary>
    public required NodeKey Key { get; init; }

    /// <summary>As <see cref="AdmissionOptions.TokenAudience"/>.</summary>
    public required string Audience { get; init; }

    /// <summary>The tenant; empty = none.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>From when on it counts.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>Until when it counts.</summary>
    public required DateTimeOffset Expires { get; init; }

    /// <summary>What its holder may send, in bytes a second; 0 = no limit but the relay's own.</summary>
    public int RateBytesPerSecond { get; init; }

    /// <summary>The identifier by which it can be revoked.</summary>
    public required string Id { get; init; }
}

/// <summary>Signs tokens with a P-256 key (ES256). The private key has no text form.</summary>
internal sealed class TokenSigner : IDisposable
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private const int MaxKeyLengthBytes = 64 << 10;

    private readonly ECDsa _key;
    private readonly string _thumbprint;

    private TokenSigner(ECDsa key)
    {
        _key = key;
        _thumbprint = Base64UrlEncoder.Encode(PublicKey().ComputeJwkThumbprint());
    }

    /// <summary>Makes a new key.</summary>
    public static TokenSigner Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>Reads a private key from a PEM file.</summary>
    /// <exception cref="FormatException">There is no P-256 key in it.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TokenSigner Read(string path)
    {
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(ListFile.ReadText(path, MaxKeyLengthBytes));
            if (key.ExportParameters(includePrivateParameters: true).Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value) return new TokenSigner(key);
        }
        catch (Exception exception) when (exception is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new FormatException($"{path} holds no private key that could be read", exception);
        }

        key.Dispose();
        throw new FormatException($"{path} holds a key of another curve than P-256");
    }

    /// <summary>Writes the private key to a new file, for its owner's eyes only.</summary>
    /// <exception cref="IOException">There is such a file already, or it cannot be made.</exception>
    public void WriteNew(string path)
    {
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using StreamWriter file = new(path, options);
        file.Write($"{_key.ExportPkcs8PrivateKeyPem()}\n");
    }

    /// <summary>The public half as a JSON Web Key Set, behind the keys of another set.</summary>
    public string ToKeySet(SigningKeys others)
    {
        object[] keys = [.. others.Keys.Cast<JsonWebKey>().Append(PublicKey()).DistinctBy(key => key.X).Select(key => new { kty = key.Kty, crv = key.Crv, x = key.X, y = key.Y, use = "sig", alg = SecurityAlgorithms.EcdsaSha256, kid = Base64UrlEncoder.Encode(key.ComputeJwkThumbprint()) })];
        return JsonSerializer.Serialize(new { keys }, Indented) + "\n";
    }

    /// <summary>Signs a token.</summary>
    public string Sign(TokenContent content)
    {
        Dictionary<string, object> claims = new() { [TokenClaims.Key] = content.Key.ToText(), [JwtRegisteredClaimNames.Jti] = content.Id };
        if (content.Tenant.Length > 0) claims[TokenClaims.Tenant] = content.Tenant;
        if (content.RateBytesPerSecond > 0) claims[TokenClaims.Rate] = content.RateBytesPerSecond;
        SecurityTokenDescriptor descriptor = new()
        {
            Audience = content.Audience,
            NotBefore = content.NotBefore.UtcDateTime,
            IssuedAt = content.NotBefore.UtcDateTime,
            Expires = content.Expires.UtcDateTime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(new ECDsaSecurityKey(_key) { KeyId = _thumbprint }, SecurityAlgorithms.EcdsaSha256),
        };
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
    }

    public void Dispose() => _key.Dispose();

    private JsonWebKey PublicKey()
    {
        ECParameters point = _key.ExportParameters(includePrivateParameters: false);
        return new JsonWebKey
        {
            Kty = JsonWebAlgorithmsKeyTypes.EllipticCurve,
            Crv = JsonWebKeyECTypes.P256,
            X = Base64UrlEncoder.Encode(point.Q.X),
            Y = Base64UrlEncoder.Encode(point.Q.Y),
        };
    }
}
