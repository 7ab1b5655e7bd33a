using Addresses;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// One mapping by one protocol: asked for, held, renewed at half its life, made anew where the gateway forgot it, given back at the end. What
/// differs between the protocols is how it is spelled.
/// </summary>
internal abstract class MappingClient(TransportAddress local, RequestSchedule requests, Queue<byte[]> transmits)
{
    /// <summary>What we ask for. Short, so that what a crash leaves behind goes by itself.</summary>
    protected const uint WantedLifetimeSeconds = 7200;

    /// <summary>A longer lease counts as this (RFC 6887 §15): it is renewed within half a day, whatever the gateway says.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromHours(24);

    /// <summary>A lease that is shorter could only be held by a flood of renewals: it is none.</summary>
    public static readonly TimeSpan MinLifetime = TimeSpan.FromSeconds(30);

    /// <summary>A gateway that refused is left alone for so long, doubling up to the longest.</summary>
    public static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan LongestBackOff = TimeSpan.FromMinutes(30);

    /// <summary>While a port is mapped, the gateway's epoch is asked for this often: it may have been restarted.</summary>
    public static readonly TimeSpan EpochInterval = TimeSpan.FromMinutes(1);

    /// <summary>A gateway that forgot our mapping must make it anew within this, or the address counts as lost.</summary>
    private static readonly TimeSpan RemakeTime = TimeSpan.FromSeconds(10);

    /// <summary>No two renewals are nearer than this (RFC 6887 §11.2.1).</summary>
    private static readonly TimeSpan MinRenewal = TimeSpan.FromSeconds(4);

    private EpochClock _epoch;
    private TimeSpan _backOff = FirstBackOff;
    private Instant _retryAt = Instant.Never;
    private Instant _renewAt = Instant.Never;
    private Instant _checkAt = Instant.Never;
    private Instant _expiresAt = Instant.Never;
    private Instant _remadeAt = Instant.Origin;
    private TimeSpan _lifetime;
    private string? _problem;

    /// <summary>What became of the asking.</summary>
    public PortMappingAnswer Answer { get; private set; }

    /// <summary>Where the world reaches us; not valid while there is no mapping.</summary>
    public TransportAddress Mapped { get; private set; }

    /// <summary>How it stands, as a value.</summary>
    public PortMappingOffer Offer => new(Answer, _problem, Mapped.IsValid ? Mapped : External, _lifetime);

    public Instant NextTimeout => Instant.Min(Instant.Min(requests.Next ?? Instant.Never, _retryAt), Instant.Min(Instant.Min(_renewAt, _checkAt), _expiresAt));

    /// <summary>The gateway's address as it told it; not valid = not yet.</summary>
    protected TransportAddress External { get; set; }

    protected TransportAddress Local => local;

    /// <summary>How often an unanswered request goes out before the gateway counts as silent.</summary>
    protected abstract int PatientRequests { get; }

    /// <summary>Says that requests are out.</summary>
    protected bool IsAsking => requests.IsAsking;

    /// <summary>What is suggested: what we had, or the port that we have here.</summary>
    protected TransportAddress Suggested { get; private set; } = TransportAddress.FromIpv4(0, local.Port);

    /// <summary>Asks from now on.</summary>
    public void Start(Instant now)
    {
        _retryAt = Instant.Never;
        requests.Start(now);
    }

    /// <summary>Asks no more: another protocol holds a mapping.</summary>
    public void Rest()
    {
        requests.Stop();
        _retryAt = Instant.Never;
    }

    public void HandleTimeout(Instant now)
    {
        if (_expiresAt <= now) Lose(now);
        if (_retryAt <= now) Start(now);
        if (requests.Next <= now)
        {
            if (requests.Sent >= PatientRequests && !Mapped.IsValid) Answer = PortMappingAnswer.Silent;
            Send(Request());
            requests.HandleSent(now);
        }

        if (_renewAt <= now)
        {
            Send(Request());
            TimeSpan half = (_expiresAt - now) / 2;
            _renewAt = now + (half > MinRenewal ? half : MinRenewal);
        }

        if (_checkAt <= now)
        {
            Send(EpochRequest());
            _checkAt = now + EpochInterval;
        }
    }

    /// <summary>Nobody listens on the gateway's port. A gateway that holds a mapping may be starting anew: that is for the lease to decide.</summary>
    public void HandleClosed(Instant now)
    {
        if (!Mapped.IsValid && requests.IsAsking) Refuse(PortMappingAnswer.Absent, "its port 5351 is closed", LongestBackOff, now);
    }

    /// <summary>Gives back what is held.</summary>
    public void Release()
    {
        if (Mapped.IsValid) Send(Deletion());
        Drop();
        Rest();
    }

    protected abstract byte[] Request();

    protected abstract byte[] EpochRequest();

    protected abstract byte[] Deletion();

    protected void Send(byte[] request) => transmits.Enqueue(request);

    /// <summary>Takes the epoch of a response that is the gateway's.</summary>
    protected void HandleEpoch(uint epoch, Instant now)
    {
        if (_epoch.TryAdvance(epoch, now) || !Mapped.IsValid) return;
        if (now - _remadeAt < RemakeTime) return; // One whose epoch jumps about must not make us a source of floods.
        _remadeAt = now;
        _expiresAt = Instant.Min(_expiresAt, now + RemakeTime);
        requests.Start(now);
    }

    /// <summary>Takes a mapping, unless it is none.</summary>
    protected void Grant(TransportAddress external, uint lifetimeSeconds, Instant now)
    {
        External = external.WithPort(0);
        TimeSpan lifetime = TimeSpan.FromSeconds(lifetimeSeconds);
        if (lifetime > MaxLifetime) lifetime = MaxLifetime;
        if (AddressScopes.ScopeOf(external) != AddressScope.Global || !external.IsIpv4)
        {
            if (lifetimeSeconds > 0) Send(Deletion()); // It leads nowhere: the gateway may have its entry back.
            Refuse(PortMappingAnswer.NestedNat, $"its external address is {external.ToIPAddress()}: there is another NAT in front of it", TimeSpan.Zero, now);
            return;
        }

        if (external.Port == 0) { Refuse(PortMappingAnswer.Refused, "it gave external port 0", TimeSpan.Zero, now); return; }
        if (lifetime < MinLifetime) { Refuse(PortMappingAnswer.Refused, $"it gave a lifetime of {lifetimeSeconds} s", TimeSpan.Zero, now); return; }

        requests.Stop();
        Answer = PortMappingAnswer.Offered;
        Mapped = Suggested = external;
        _problem = null;
        _lifetime = lifetime;
        _backOff = FirstBackOff;
        _retryAt = Instant.Never;
        _expiresAt = now + lifetime;
        _renewAt = now + lifetime / 2 + SpreadOfRenewal(lifetime / 8);
        _checkAt = now + EpochInterval;
    }

    /// <summary>When within <paramref name="span"/> a renewal goes out.</summary>
    protected virtual TimeSpan SpreadOfRenewal(TimeSpan span) => TimeSpan.Zero;

    /// <summary>It will not, or cannot: asked again after a while. A mapping that it would not renew holds until its time is up.</summary>
    protected void Refuse(PortMappingAnswer answer, string problem, TimeSpan atLeast, Instant now)
    {
        requests.Stop();
        _problem = problem;
        if (Mapped.IsValid && answer == PortMappingAnswer.Refused) return;

        Drop();
        Answer = answer;
        _retryAt = now + (atLeast > _backOff ? atLeast < LongestBackOff ? atLeast : LongestBackOff : _backOff);
        _backOff = _backOff * 2 < LongestBackOff ? _backOff * 2 : LongestBackOff;
    }

    /// <summary>The gateway speaks this, and there is no mapping yet.</summary>
    protected void NoteOffered()
    {
        Answer = PortMappingAnswer.Offered;
        _problem = null;
    }

    private void Lose(Instant now)
    {
        Drop();
        Answer = PortMappingAnswer.Asking;
        Start(now);
    }

    private void Drop()
    {
        Mapped = default;
        _lifetime = TimeSpan.Zero;
        _renewAt = _checkAt = _expiresAt = Instant.Never;
    }
}
