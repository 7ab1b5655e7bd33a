using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;
using Relay.Protocol.Extensions;
using Relay.Server.Admission;
using Relay.Server.Core;

namespace Relay.Server.Tests.Admission;

public sealed class TokenVerifierTests : IDisposable
{
    private readonly TokenTesting _testing = new();

    public void Dispose() => _testing.Dispose();

    [Fact]
    public void A_good_token_says_whose_it_is_and_for_how_long()
    {
        TokenGrant grant = Check(_testing.Signer.Sign(_testing.Content with { Tenant = "red", RateBytesPerSecond = 5000 }));

        Assert.True(grant.IsValid, grant.Message);
        Assert.Equal((TokenTesting.Alice, "red", 5000, "token-1"), (grant.Key, grant.Tenant, grant.RateBytesPerSecond, grant.Id));
        Assert.Equal(_testing.Clock.Now + TimeSpan.FromHours(1) + TokenVerifier.ClockSkew, grant.Expires);
        Assert.True(_testing.Keys.Contains(grant.SignedBy));
    }

    [Fact]
    public void A_token_for_another_audience_is_refused() =>
        AssertRefused(_testing.Signer.Sign(_testing.Content with { Audience = "other" }), RefusalReason.TokenInvalid, "audience");

    [Fact]
    public void A_token_counts_from_its_beginning_to_its_end_and_a_minute_more_at_either()
    {
        string token = _testing.Signer.Sign(_testing.Content with { NotBefore = _testing.Time.GetUtcNow() + TimeSpan.FromMinutes(2) });

        AssertRefused(token, RefusalReason.TokenExpired, "not valid yet");
        _testing.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(Check(token).IsValid);
        _testing.Time.Advance(TimeSpan.FromMinutes(59.9));
        Assert.True(Check(token).IsValid);
        _testing.Time.Advance(TimeSpan.FromMinutes(0.1));
        AssertRefused(token, RefusalReason.TokenExpired, "expired");
    }

    [Fact]
    public void A_token_of_a_stranger_is_refused()
    {
        using TokenSigner stranger = TokenSigner.Create();

        AssertRefused(stranger.Sign(_testing.Content), RefusalReason.TokenInvalid, "key that this relay trusts");
    }

    [Theory]
    [InlineData("none")]
    [InlineData("HS256")]
    [InlineData("ES384")]
    [InlineData("RS256")]
    public void Another_algorithm_is_refused_also_where_its_signature_would_be_good(string algorithm)
    {
        string header = Part($$"""{"alg":"{{algorithm}}","typ":"JWT"}""");
        string payload = _testing.Signer.Sign(_testing.Content).Split('.')[1];

        // The public key as the secret of an HMAC: the confusion that a verifier which believes the header falls for.
        string keySet = _testing.Signer.ToKeySet(SigningKeys.None);
        foreach (byte[] secret in (byte[][])[Encoding.UTF8.GetBytes(keySet), Encoding.UTF8.GetBytes(keySet.Trim())])
        {
            string signature = algorithm == "none" ? "" : Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes($"{header}.{payload}")));
            Assert.False(Check($"{header}.{payload}.{signature}").IsValid);
        }
    }

    [Fact]
    public void A_token_that_was_changed_is_refused()
    {
        string[] parts = _testing.Signer.Sign(_testing.Content).Split('.');
        string changed = Encoding.UTF8.GetString(Base64UrlEncoder.DecodeBytes(parts[1])).Replace("\"relay\"", "\"relay\",\"tenant\":\"red\"", StringComparison.Ordinal);

        AssertRefused($"{parts[0]}.{Part(changed)}.{parts[2]}", RefusalReason.TokenInvalid, "key that this relay trusts");
        AssertRefused($"{parts[0]}.{parts[1]}.", RefusalReason.TokenInvalid, "");
    }

    [Theory]
    [InlineData("""{"sub":null}""", "whose")]
    [InlineData("""{"sub":"nodekey:12"}""", "whose")]
    [InlineData("""{"sub":7}""", "whose")]
    [InlineData("""{"exp":null}""", "expires")]
    [InlineData("""{"jti":null}""", "identifier")]
    [InlineData("""{"jti":"two words"}""", "identifier")]
    [InlineData("""{"tenant":"../x"}""", "tenant")]
    [InlineData("""{"tenant":["red"]}""", "tenant")]
    [InlineData("""{"rate":-1}""", "rate")]
    [InlineData("""{"rate":"fast"}""", "rate")]
    [InlineData("""{"aud":null}""", "")]
    public void A_signed_token_that_lacks_something_is_refused(string changes, string problem) => AssertRefused(SignRaw("""{"alg":"ES256"}""", changes), RefusalReason.TokenInvalid, problem);

    [Fact]
    public void A_token_that_demands_an_unknown_extension_is_refused() =>
        AssertRefused(SignRaw("""{"alg":"ES256","crit":["b64"],"b64":false}""", "{}"), RefusalReason.TokenInvalid, "");

    [Fact]
    public void A_token_that_is_too_long_or_garbage_is_refused_without_an_exception()
    {
        AssertRefused(SignRaw("""{"alg":"ES256"}""", $$"""{"more":"{{new string('x', TokenFrame.MaxTokenLength)}}"}"""), RefusalReason.TokenInvalid, "too long");
        Random random = new(20301);
        string good = _testing.Signer.Sign(_testing.Content);
        TokenVerifier verifier = _testing.Verifier();
        for (int i = 0; i < 2000; i++)
        {
            char[] token = i % 2 == 0 ? good.ToCharArray() : [.. Enumerable.Range(0, random.Next(200)).Select(_ => (char)random.Next(1, 0x250))];
            if (token.Length > 0 && i % 2 == 0) token[random.Next(token.Length)] = (char)random.Next(1, 0x250);
            string text = new(token);
            if (text != good) Assert.True(!verifier.Check(text).IsValid || IsSameSignature(text, good), text);
        }
    }

    [Fact]
    public void A_key_set_may_hold_no_private_key_and_must_hold_one_of_P256()
    {
        foreach ((string set, string problem) in ((string, string)[])[
            ("nonsense", "no JSON Web Key Set"),
            ("{}", "no key of the type EC"),
            ("""{"keys":[{"kty":"oct","k":"AAAA"}]}""", "no key of the type EC"),
            ("""{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}""", "no key of the type EC"),
            (_testing.Signer.ToKeySet(SigningKeys.None).Replace("\"use\"", "\"d\": \"AAAA\", \"use\"", StringComparison.Ordinal), "private key")])
        {
            Assert.Contains(problem, Assert.Throws<FormatException>(() => SigningKeys.Parse(set, "the set")).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Keys_can_be_rotated()
    {
        using TokenSigner next = TokenSigner.Create();
        SigningKeys both = SigningKeys.Parse(next.ToKeySet(_testing.Keys), "both");
        TokenVerifier verifier = new(both, "relay", _testing.Clock);

        Assert.Equal(2, both.Keys.Count);
        Assert.True(verifier.Check(_testing.Signer.Sign(_testing.Content)).IsValid);
        Assert.True(verifier.Check(next.Sign(_testing.Content)).IsValid);
        verifier.Keys = SigningKeys.Parse(next.ToKeySet(SigningKeys.None), "next");
        Assert.False(verifier.Check(_testing.Signer.Sign(_testing.Content)).IsValid);
    }

    private TokenGrant Check(string token) => _testing.Verifier().Check(token);

    private void AssertRefused(string token, RefusalReason reason, string message)
    {
        TokenGrant grant = Check(token);
        Assert.Equal(reason, grant.Refusal);
        Assert.Contains(message, grant.Message, StringComparison.Ordinal);
    }

    /// <summary>A signature that is good, on a payload that ours would not write.</summary>
    private string SignRaw(string header, string changes)
    {
        string key = Path.Combine(Path.GetTempPath(), $"token-test-{Guid.NewGuid():N}.pem");
        try
        {
            _testing.Signer.WriteNew(key);
            using ECDsa signer = ECDsa.Create();
            signer.ImportFromPem(File.ReadAllText(key));
            long now = _testing.Time.GetUtcNow().ToUnixTimeSeconds();
            Dictionary<string, JsonElement> claims = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>($$"""{"sub":"{{TokenTesting.Alice.ToText()}}","aud":"relay","exp":{{now + 60}},"jti":"1"}""")!;
            foreach ((string name, JsonElement value) in JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(changes)!)
            {
                if (value.ValueKind == JsonValueKind.Null) claims.Remove(name);
                else claims[name] = value;
            }

            string signed = $"{Part(header)}.{Part(JsonSerializer.Serialize(claims))}";
            return $"{signed}.{Base64UrlEncoder.Encode(signer.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256))}";
        }
        finally
        {
            File.Delete(key);
        }
    }

    /// <summary>The last character of a part has bits to spare: changing those changes nothing.</summary>
    private static bool IsSameSignature(string text, string good)
    {
        string[] parts = text.Split('.');
        string[] own = good.Split('.');
        return parts.Length == 3 && parts[0] == own[0] && parts[1] == own[1] && Base64UrlEncoder.DecodeBytes(parts[2]).AsSpan().SequenceEqual(Base64UrlEncoder.DecodeBytes(own[2]));
    }

    private static string Part(string json) => Base64UrlEncoder.Encode(Encoding.UTF8.GetBytes(json));
}
