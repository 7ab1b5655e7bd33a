using Microsoft.Extensions.Time.Testing;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Tests.Core;
using Timing;

namespace Relay.Server.Tests.Admission;

/// <summary>An issuer of tokens and a clock of its own.</summary>
internal sealed class TokenTesting : IDisposable
{
    public TokenTesting()
    {
        Time = new FakeTimeProvider(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Clock = new MonotonicClock(Time);
        Keys = SigningKeys.Parse(Signer.ToKeySet(SigningKeys.None), "the issuer");
    }

    public static NodeKey Alice { get; } = RelayWorld.Keys(1).PublicKey;

    public static NodeKey Bob { get; } = RelayWorld.Keys(2).PublicKey;

    public FakeTimeProvider Time { get; }

    public MonotonicClock Clock { get; }

    public TokenSigner Signer { get; } = TokenSigner.Create();

    public SigningKeys Keys { get; }

    public TokenContent Content => new()
    {
        Key = Alice,
        Audience = "relay",
        NotBefore = Time.GetUtcNow(),
        Expires = Time.GetUtcNow() + TimeSpan.FromHours(1),
        Id = "token-1",
    };

    public TokenVerifier Verifier() => new(Keys, "relay", Clock);

    public void Dispose() => Signer.Dispose();
}
