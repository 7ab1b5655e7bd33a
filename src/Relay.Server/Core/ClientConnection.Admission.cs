using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Timing;

namespace Relay.Server.Core;

/// <content>The phase in which the answer to a login is awaited.</content>
internal sealed partial class ClientConnection
{
    // Each costs a signature to verify; a client shows one where it needs it, and one more before that runs out.
    private const double TokenFramesPerSecond = 0.1;
    private const double TokenFramesBurst = 3;

    private TokenBucket _tokenFrames;

    /// <summary>Says whether there is a login to decide upon.</summary>
    public bool HasLoginRequest => _loginRequest is not null;

    /// <summary>
    /// Takes the login that somebody has to decide upon, once. The shell looks after each <see cref="Receive"/>, asks the admission policy, and
    /// hands the answer to <see cref="Admit"/>. Input that arrives meanwhile is not consumed: the shell holds it, and stops to read when its
    /// buffer is full.
    /// </summary>
    public LoginRequest? TakeLoginRequest()
    {
        LoginRequest? request = _loginRequest;
        _loginRequest = null;
        return request;
    }

    /// <summary>A token shown after the login: by a client that was refused without one, or whose admission is about to run out.</summary>
    private void ReceiveToken(ReadOnlySpan<byte> body, Instant now)
    {
        if (Info!.Extensions == 0) throw new RelayProtocolException("A Token from a client that did not say it speaks our extensions.");
        if (!TokenFrame.TryRead(body, out string token)) throw new RelayProtocolException("A malformed Token.");
        if (!_tokenFrames.TryTake(1, now)) throw new RelayProtocolException("Too many Tokens.");
        if (_identity.CheckToken is not { } check) return; // Nobody wants one.

        _loginRequest = new LoginRequest(Key, Info, Remote) { Token = check(token) };
        if (Phase != ConnectionPhase.Quarantined) return;
        _router.Quarantine.Leave(this);
        Phase = ConnectionPhase.Admission;
        _deadline = now + _router.Limits.HandshakeTimeout;
    }

    /// <summary>Takes the answer to a login, on the thread that hands this connection its input. What was held of the input is due then.</summary>
    public void Admit(AdmissionDecision decision, Instant now, HashSet<ClientConnection> woken)
    {
        if (Phase == ConnectionPhase.Open) Renew(decision, woken);
        if (Phase != ConnectionPhase.Admission) return; // It has ended meanwhile.
        Admission = decision;
        Tenant? tenant = null;
        if (decision.IsAllowed && !_router.Tenants.TryEnter(decision.Tenant, out tenant))
        {
            Admission = AdmissionDecision.Refuse(RefusalReason.Limit, "The relay has too many tenants.");
        }

        if (tenant is null)
        {
            _router.Counters.CountRefusal(Admission.Refusal);
            Quarantine(Admission.Message, now, woken);
            return;
        }

        _router.Counters.CountLogin(decision.Source);
        Open(tenant, now, woken);
    }

    /// <summary>The client has shown another token. A bad one takes nothing from it: what let it in holds for as long as it did.</summary>
    private void Renew(AdmissionDecision decision, HashSet<ClientConnection> woken)
    {
        if (decision.IsAllowed && decision.Tenant == Admission!.Tenant)
        {
            Admission = decision;
            return;
        }

        _router.Counters.CountRefusal(decision.IsAllowed ? RefusalReason.TokenInvalid : decision.Refusal);
        Queue.EnqueueControl(HealthFrame.Of(decision.IsAllowed ? "The token is for another tenant than this connection's." : decision.Message));
        woken.Add(this);
    }

    private void Open(Tenant tenant, Instant now, HashSet<ClientConnection> woken)
    {
        EnqueueServerInfo();
        _set = PacketRouter.Add(tenant, Key, this, woken); // Behind ServerInfo in the queue: that is the first frame the client sees.
        _set.TakeSurplus(_router.Limits.MaxConnectionsPerKey)?.Shell?.End(CloseReason.TooManyOfKey);
        _router.Drain?.Tell(this, now); // It had begun to log in before newcomers were refused.
        _nextKeepAlive = now + _keepAliveInterval;
        Phase = ConnectionPhase.Open;
        woken.Add(this);
    }

    private void EnqueueServerInfo()
    {
        Span<byte> nonce = stackalloc byte[Box.NonceLength];
        _identity.Entropy(nonce);
        ServerInfo info = new()
        {
            TokenBucketBytesPerSecond = (int)Math.Min(int.MaxValue, ClientBytes.PerSecond),
            TokenBucketBytesBurst = ClientBytes.IsLimited ? (int)Math.Min(int.MaxValue, ClientBytes.Burst) : 0,
            Extensions = Info!.Extensions > 0 ? 1 : 0,
        };
        Queue.EnqueueControl(_box is { } box ? info.ToFrame(box, nonce) : info.ToFrame(_identity.Keys, Key, nonce));
        _box = null; // It has served.
    }
}
