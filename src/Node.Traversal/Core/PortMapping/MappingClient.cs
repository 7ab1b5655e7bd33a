using Addresses;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// One mapping by one protocol: asked for, held, renewed at half its life, made anew where the gateway forgot it, given back at the end. What
/// differs between the protocols is how it is spelled.
/// </summary>
internal abstract class MappingClient(TransportAddress local, RequestSchedule requests)
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

    /// <summary>What providers give to customers behind their NATs (RFC 6598).</summary>
    private static readonly IpPrefix Carriers = IpPrefix.TryParse("100.64.0.0/10", out IpPrefix shared) ? shared : default;

    private EpochClock _epoch;
    private TimeSpan _backOff = FirstBackOff;
    private Instant _retryAt = Instant.Never;
    private Instant _renewAt = Instant.Never;
    private Instant _checkAt = Instant.Never;
    private Instant _expiresAt = Instant.Never;
    private Instant _remadeAt = Instant.Origin - RemakeTime;
    private Instant _noticedAt = Instant.Origin - RemakeTime;
    private TimeSpan _lifetime;
    private string? _problem;

    /// <summary>What became of the asking.</summary>
    public PortMappingAnswer Answer { get; private set; }

    /// <summary>Where the world reaches us; not valid while there is no mapping.</summary>
    public TransportAddress Mapped { get; private set; }

    /// <summary>How it stands, as a value.</summary>
    public virtual PortMappingOffer Offer => new(Answer, _problem, Mapped.IsValid ? Mapped : External, _lifetime);

    /// <summary>Says that the mapping itself is being asked for, or held; before that the gateway is only asked what it would offer.</summary>
    public bool IsMapWanted { get; protected set; }

    /// <summary>Says that the gateway would offer one, and none was asked for yet.</summary>
    public bool CanMap => !IsMapWanted && Answer == PortMappingAnswer.Offered;

    public virtual Instant NextTimeout => Instant.Min(Instant.Min(requests.Next ?? Instant.Never, _retryAt), Instant.Min(Instant.Min(_renewAt, _checkAt), _expiresAt));

    /// <summary>The gateway's address as it told it; not valid = not yet.</summary>
    protected TransportAddress External { get; set; }

    protected TransportAddress Local => local;

    /// <summary>How often an unanswered request goes out before the gateway counts as silent.</summary>
    protected abstract int PatientRequests { get; }

    /// <summary>Says that requests are out, or planned.</summary>
    protected bool IsAsking => requests.IsAsking;

    /// <summary>What is suggested: what we had, or the port that we have here.</summary>
    protected TransportAddress Suggested { get; private set; } = local.IsIpv4 ? TransportAddress.FromIpv4(0, local.Port) : TransportAddress.FromIpv6(0, local.Port);

    /// <summary>Asks from now on.</summary>
    public void Start(Instant now)
    {
        _retryAt = Instant.Never;
        requests.Start(now);
    }

    /// <summary>Asks for the mapping from now on.</summary>
    public void Map(Instant now)
    {
        IsMapWanted = true;
        Start(now);
    }

    /// <summary>Asks no more: another protocol holds a mapping.</summary>
    public void Rest()
    {
        requests.Stop();
        _retryAt = Instant.Never;
    }

    public virtual void HandleTimeout(Instant now)
    {
        if (_expiresAt <= now) Lose(now);
        if (_retryAt <= now) Start(now);
        if (requests.Next <= now)
        {
            if (requests.Sent >= PatientRequests && !Mapped.IsValid) Answer = PortMappingAnswer.Silent;
            SendRequest(now);
            if (requests.IsAsking) requests.HandleSent(now);
        }

        if (_renewAt <= now)
        {
            SendRequest(now);
            TimeSpan half = (_expiresAt - now) / 2;
            _renewAt = now + (half > MinRenewal ? half : MinRenewal);
        }

        if (_checkAt <= now)
        {
            SendCheck();
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
        if (Mapped.IsValid) SendDeletion();
        Drop();
        Rest();
    }

    /// <summary>
    /// Somebody says by multicast that the gateway is new or has changed: anybody can. So it changes nothing by itself; the gateway is asked, and
    /// at most every <see cref="RemakeTime"/>.
    /// </summary>
    /// <param name="delay">So that all hosts of a network do not come at once.</param>
    /// <param name="now">The present.</param>
    public void HandleNotice(TimeSpan delay, Instant now)
    {
        if (now - _noticedAt < RemakeTime) return;
        _noticedAt = now;
        if (Mapped.IsValid) _checkAt = Instant.Min(_checkAt, now + delay);
        else if (_retryAt != Instant.Never) _retryAt = Instant.Min(_retryAt, now + delay);
        else if (Answer == PortMappingAnswer.Silent) Start(now + delay);
    }

    /// <summary>Asks for the mapping, or for it again.</summary>
    protected abstract void SendRequest(Instant now);

    /// <summary>Asks whether the gateway still has it.</summary>
    protected abstract void SendCheck();

    /// <summary>Gives it back.</summary>
    protected abstract void SendDeletion();

    /// <summary>Takes the epoch of a response that is the gateway's.</summary>
    protected void HandleEpoch(uint epoch, Instant now)
    {
        if (!_epoch.TryAdvance(epoch, now)) HandleForgotten(now);
    }

    /// <summary>The gateway has lost the mapping: it is asked for again.</summary>
    protected void HandleForgotten(Instant now)
    {
        if (!Mapped.IsValid) return;
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
        if (AddressScopes.ScopeOf(external) != AddressScope.Global || external.IsIpv4 != Local.IsIpv4)
        {
            if (lifetimeSeconds > 0) SendDeletion(); // It leads nowhere: the gateway may have its entry back.
            Refuse(PortMappingAnswer.NestedNat, DescribeNested(external), TimeSpan.Zero, now);
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

    /// <summary>Says of an external address that is none what it shows.</summary>
    protected static string DescribeNested(TransportAddress external) => external switch
    {
        { IsValid: false } or { IsIpv4: true, Ipv4Bits: 0 } => "it has no external address itself",
        _ when Carriers.Contains(external) => $"its external address is {external.ToIPAddress()}: the provider has a NAT in front of it",
        _ when AddressScopes.ScopeOf(external) == AddressScope.Private => $"its external address is {external.ToIPAddress()}: there is another router with a NAT in front of it",
        _ => $"its external address is {external.ToIPAddress()}, which is none of the internet's",
    };

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

    /// <summary>Requests are answered, and what comes next is not theirs to plan.</summary>
    protected void StopRequests() => requests.Stop();

    /// <summary>Requests go out from now on, also while a mapping is held.</summary>
    protected void StartRequests(Instant now) => requests.Start(now);

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
