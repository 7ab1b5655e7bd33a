using Relay.Protocol;
using Relay.Protocol.Handshake;
using Timing;

namespace Relay.Server.Core;

/// <content>The phase in which the answer to a login is awaited.</content>
internal sealed partial class ClientConnection
{
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

    /// <summary>Takes the answer to a login, on the thread that hands this connection its input. What was held of the input is due then.</summary>
    public void Admit(AdmissionDecision decision, Instant now, HashSet<ClientConnection> woken)
    {
        if (Phase != ConnectionPhase.Admission) return; // It has ended meanwhile.
        Admission = decision;
        Tenant? tenant = null;
        if (decision.IsAllowed && !_router.Tenants.TryEnter(decision.Tenant, out tenant))
        {
            Admission = AdmissionDecision.Refuse(RefusalReason.Limit, "The relay has too many tenants.");
        }

        if (tenant is null) Quarantine(Admission.Message, now, woken);
        else Open(tenant, now, woken);
    }

    private void Open(Tenant tenant, Instant now, HashSet<ClientConnection> woken)
    {
        EnqueueServerInfo();
        _set = PacketRouter.Add(tenant, Key, this, woken); // Behind ServerInfo in the queue: that is the first frame the client sees.
        _set.TakeSurplus(_router.Limits.MaxConnectionsPerKey)?.End?.Invoke(CloseReason.TooManyOfKey);
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
        Queue.EnqueueControl(info.ToFrame(_identity.Keys, Key, nonce));
    }
}
