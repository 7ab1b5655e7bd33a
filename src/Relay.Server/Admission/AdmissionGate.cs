using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Admission;

/// <summary>
/// Decides upon logins, and says which of those inside have to go. Lists and tokens vouch for a client, and one of them is enough; services
/// are asked beside them, and all have to agree. A token says more than a list: where both know a client, the token's tenant counts.
/// </summary>
internal sealed class AdmissionGate : IAdmissionPolicy, IDisposable
{
    private const string NotListed = "This key is not on the relay's list: ask its operator to add it.";
    private const string NoToken = "This relay wants a token: ask its operator for one.";

    private readonly AdmissionOptions _options;
    private readonly MonotonicClock _clock;
    private readonly AdmissionCallback[] _callbacks;
    private volatile AllowList _list = AllowList.Empty;
    private volatile RevocationList _revoked = RevocationList.Empty;

    public AdmissionGate(AdmissionOptions options, MonotonicClock clock, ILogger<AdmissionGate> log)
    {
        _options = options;
        _clock = clock;
        _callbacks = [.. options.Callbacks.Select(url => new AdmissionCallback(url, options.CallbacksFailOpen, clock, new BoundedLog(log, clock)))];
        Verifier = options.TakesTokens ? new TokenVerifier(SigningKeys.None, options.TokenAudience, clock) : null;
    }

    /// <summary>Verifies tokens; null where they let nobody in.</summary>
    public TokenVerifier? Verifier { get; }

    /// <summary>Keys shut out by the operator.</summary>
    public BanList Bans { get; } = new();

    /// <summary>The keys that are listed.</summary>
    public AllowList List
    {
        get => _list;
        set => _list = value;
    }

    /// <summary>The tokens that were revoked.</summary>
    public RevocationList Revoked
    {
        get => _revoked;
        set => _revoked = value;
    }

    /// <summary>Says that nobody need be asked about a login.</summary>
    /// <remarks>Also an open relay has bans, so that it has to ask.</remarks>
    public bool AreTokensRequired => _options.TakesTokens && _options.ListFiles.Count == 0;

    public ValueTask<AdmissionDecision> DecideAsync(LoginRequest request)
    {
        AdmissionDecision decision = Vouch(request);
        if (!decision.IsAllowed || _callbacks.Length == 0) return ValueTask.FromResult(decision);
        return AskAsync(request, decision);
    }

    /// <summary>Says whether what has let a client in still would. What a service has said is not asked again: that is for the next login.</summary>
    public bool StillHolds(NodeKey key, AdmissionDecision decision)
    {
        if (Bans.Contains(key, _clock.Now)) return false;
        return decision.Source switch
        {
            AdmissionSource.List => _list.TryFind(key, out string tenant) && tenant == decision.Tenant,
            AdmissionSource.Token => !_revoked.Contains(decision.TokenId!) && Verifier!.Keys.Contains(decision.SignedBy!),
            _ => true,
        };
    }

    public void Dispose()
    {
        foreach (AdmissionCallback callback in _callbacks) callback.Dispose();
    }

    /// <summary>What can be said at once.</summary>
    private AdmissionDecision Vouch(LoginRequest request)
    {
        if (Bans.Contains(request.Key, _clock.Now)) return AdmissionDecision.Refuse(RefusalReason.Banned, "The relay's operator has shut this key out.");
        if (_options.IsOpen) return AdmissionDecision.Open;

        TokenGrant? token = request.Token is { IsValid: true } shown ? Examine(shown, request.Key) : request.Token;
        if (token is { IsValid: true })
        {
            return new AdmissionDecision
            {
                Source = AdmissionSource.Token,
                Tenant = token.Tenant,
                Expires = token.Expires,
                RateBytesPerSecond = token.RateBytesPerSecond,
                TokenId = token.Id,
                SignedBy = token.SignedBy,
            };
        }

        if (_list.TryFind(request.Key, out string tenant)) return new AdmissionDecision { Source = AdmissionSource.List, Tenant = tenant };
        if (!_options.TakesTokens && _options.ListFiles.Count == 0) return new AdmissionDecision { Source = AdmissionSource.Callback }; // The services alone decide.
        if (token is not null) return AdmissionDecision.Refuse(token.Refusal, token.Message);
        return AdmissionDecision.Refuse(RefusalReason.NotListed, _options.ListFiles.Count > 0 ? NotListed : NoToken);
    }

    /// <summary>A token whose signature is good may still be another client's, or over.</summary>
    private TokenGrant Examine(TokenGrant token, NodeKey key)
    {
        if (token.Key != key) return TokenGrant.Refuse(RefusalReason.TokenOfAnotherKey, "The token is for another key than this client's.");
        if (token.Expires <= _clock.Now) return TokenGrant.Refuse(RefusalReason.TokenExpired, "The token has expired.");
        return _revoked.Contains(token.Id) ? TokenGrant.Refuse(RefusalReason.TokenRevoked, "The token was revoked.") : token;
    }

    private async ValueTask<AdmissionDecision> AskAsync(LoginRequest request, AdmissionDecision decision)
    {
        CallbackAnswer[] answers = await Task.WhenAll(_callbacks.Select(callback => callback.AskAsync(request.Key, request.Remote)));
        foreach (CallbackAnswer answer in answers)
        {
            if (!answer.IsAllowed) return AdmissionDecision.Refuse(answer.Refusal, MessageOf(answer.Refusal));
            if (decision is { Source: AdmissionSource.Callback, Tenant: "" }) decision = decision with { Tenant = answer.Tenant };
            else if (decision.Source == AdmissionSource.Callback && answer.Tenant.Length > 0 && answer.Tenant != decision.Tenant) return AdmissionDecision.Refuse(RefusalReason.CallbackDenied, "The relay's services name two tenants for this key.");
        }

        return decision;
    }

    private static string MessageOf(RefusalReason reason) => reason switch
    {
        RefusalReason.CallbackDenied => "The relay's operator does not know this key.",
        RefusalReason.CallbackFailed => "The relay could not ask whether this key may use it: try again later.",
        _ => "The relay has too many logins to look at: try again later.",
    };
}
