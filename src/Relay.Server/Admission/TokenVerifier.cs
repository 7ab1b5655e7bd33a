using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Admission;

/// <summary>
/// Verifies tokens offline: JSON Web Tokens (RFC 7519) signed with ES256 and nothing else, for this audience, bound to a node's key (sub).
/// What a token says is read only once its signature is good.
/// </summary>
internal sealed class TokenVerifier
{
    /// <summary>How far the issuer's clock and ours may be apart.</summary>
    public static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = TokenFrame.MaxTokenLength, MapInboundClaims = false };
    private readonly string _audience;
    private readonly MonotonicClock _clock;
    private volatile State _state;

    public TokenVerifier(SigningKeys keys, string audience, MonotonicClock clock)
    {
        _audience = audience;
        _clock = clock;
        _state = new State(keys, ParametersFor(keys));
    }

    /// <summary>The keys that may have signed a token.</summary>
    public SigningKeys Keys
    {
        get => _state.Keys;
        set => _state = new State(value, ParametersFor(value));
    }

    /// <summary>Looks at a token. It waits for nothing and never throws, whatever the token is.</summary>
    public TokenGrant Check(string token)
    {
        // A JWE has five parts, and "crit" demands what we do not know (RFC 7515 §4.1.11): neither is a token of ours.
        if (token.Length > TokenFrame.MaxTokenLength) return Invalid("The token is too long.");
        if (token.Count(character => character == '.') != 2) return Invalid("The token is malformed.");

        TokenValidationResult result = _handler.ValidateTokenAsync(token, _state.Parameters).GetAwaiter().GetResult(); // With the keys at hand it is complete at once.
        if (!result.IsValid) return Invalid(ProblemOf(result.Exception));
        JsonWebToken verified = (JsonWebToken)result.SecurityToken;
        if (verified.TryGetHeaderValue("crit", out object? _)) return Invalid("The token demands an extension that this relay does not know.");
        return Read(verified);
    }

    private TokenGrant Read(JsonWebToken token)
    {
        if (!token.TryGetPayloadValue(TokenClaims.Key, out string? subject) || !NodeKey.TryParse(subject, out NodeKey key)) return Invalid("The token does not say whose it is.");
        if (!token.TryGetPayloadValue(TokenClaims.Tenant, out string? tenant)) tenant = "";
        if (tenant is null || (tenant.Length > 0 && !Tenant.IsValidName(tenant))) return Invalid("The token's tenant has no valid name.");
        long rate = 0;
        if (token.TryGetPayloadValue(TokenClaims.Rate, out object? _) && (!token.TryGetPayloadValue(TokenClaims.Rate, out rate) || rate is <= 0 or > int.MaxValue)) return Invalid("The token's rate is none.");
        if (token.Id is not { Length: > 0 and <= RevocationList.MaxIdLength } id || id.Any(character => character is <= ' ' or > '~' or '#')) return Invalid("The token has no identifier by which it could be revoked.");

        DateTimeOffset now = _clock.TimeProvider.GetUtcNow();
        if (token.ValidTo == DateTime.MinValue) return Invalid("The token does not say when it expires.");
        if (now - ClockSkew >= Utc(token.ValidTo)) return TokenGrant.Refuse(RefusalReason.TokenExpired, "The token has expired.");
        if (token.ValidFrom != DateTime.MinValue && now + ClockSkew < Utc(token.ValidFrom)) return TokenGrant.Refuse(RefusalReason.TokenExpired, "The token is not valid yet.");

        return new TokenGrant
        {
            Key = key,
            Tenant = tenant,
            Expires = _clock.Now + (Utc(token.ValidTo) + ClockSkew - now),
            RateBytesPerSecond = (int)rate,
            Id = id,
            SignedBy = token.SigningKey.KeyId,
        };
    }

    private TokenValidationParameters ParametersFor(SigningKeys keys) => new()
    {
        ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
        IssuerSigningKeys = keys.Keys,
        TryAllIssuerSigningKeys = true, // A token that names no key may be anybody's of the few there are.
        RequireSignedTokens = true,
        ValidAudience = _audience,
        RequireAudience = true,
        ValidateIssuer = false, // Whose key has signed it is whose token it is.
        ValidateLifetime = false, // By our own clock, above.
    };

    private static string ProblemOf(Exception? exception) => exception switch
    {
        SecurityTokenInvalidAudienceException => "The token is for another audience.",
        SecurityTokenInvalidAlgorithmException => "The token is not signed with ES256.",
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException => "The token is not signed by a key that this relay trusts.",
        _ => "The token is malformed.",
    };

    private static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));

    private static TokenGrant Invalid(string message) => TokenGrant.Refuse(RefusalReason.TokenInvalid, message);

    private sealed record State(SigningKeys Keys, TokenValidationParameters Parameters);
}

/// <summary>The claims of a token that are not registered ones, or mean something of our own.</summary>
internal static class TokenClaims
{
    /// <summary>The subject: the node's key, as <see cref="NodeKey.ToText"/> writes it.</summary>
    public const string Key = "sub";

    /// <summary>The tenant; absent where there is none.</summary>
    public const string Tenant = "tenant";

    /// <summary>What the client may send, in bytes a second; absent where only the relay's own limit holds.</summary>
    public const string Rate = "rate";
}
