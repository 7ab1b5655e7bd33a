using Addresses;
using Node.Traversal.Messages.Upnp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// What UPnP's mappings and pinholes share: the gateway is searched for by SSDP, its description is fetched, and its services are tried one
/// after the other. One request is out at a time. Whatever the gateway's answers say, only the gateway's own address is ever asked.
/// </summary>
internal abstract class UpnpClient : MappingClient
{
    /// <summary>Descriptions of one gateway that are fetched: more do not help.</summary>
    public const int MaxLocations = 4;

    /// <summary>Services that are tried.</summary>
    public const int MaxServices = 8;

    /// <summary>Other routers of the LAN that are told of.</summary>
    public const int MaxOthers = 4;

    /// <summary>Answers to a search come in a burst: by then they are there.</summary>
    public static readonly TimeSpan GatherTime = TimeSpan.FromMilliseconds(100);

    private readonly TransportAddress _gateway;
    private readonly UpnpOutput _output;
    private readonly PortMapDrops _drops;
    private readonly List<LanUrl> _locations = [];
    private readonly List<UpnpService> _services = [];
    private Instant _describeAt = Instant.Never;
    private int _described;
    private int _tried;
    private bool _isUnfetched; // A description that the gateway has told of did not come.
    private bool _isSecondSearch;
    private int _lastId;
    private Action<UpnpReply, Instant>? _then;
    private (PortMappingAnswer Answer, string Problem)? _worst;

    protected UpnpClient(TransportAddress gateway, TransportAddress local, EntropySource entropy, UpnpOutput output, PortMapDrops drops)
        : base(local, RequestSchedule.Ssdp(entropy))
    {
        _gateway = gateway;
        _output = output;
        _drops = drops;
    }

    public override Instant NextTimeout => Instant.Min(base.NextTimeout, _describeAt);

    /// <summary>Routers that answered and are not the way out of this network.</summary>
    public IReadOnlyList<TransportAddress> Others { get; private set; } = [];

    /// <summary>Says that nothing is known of the gateway's services, or not any more.</summary>
    protected bool IsServiceKnown => Service.Path is not null;

    /// <summary>The service that is being tried, or that holds the mapping.</summary>
    protected UpnpService Service { get; private set; }

    /// <summary>Says that the gateway is about to answer something.</summary>
    protected bool IsBusy => _then is not null;

    protected override int PatientRequests => 3;

    /// <summary>Services of that kind are what is looked for, best first.</summary>
    protected abstract IReadOnlyList<string> Kinds { get; }

    public override void HandleTimeout(Instant now)
    {
        if (_describeAt <= now)
        {
            _describeAt = Instant.Never;
            StopRequests();
            DescribeNext(now);
        }

        base.HandleTimeout(now);
    }

    /// <summary>Takes a datagram that came to the searching socket, from whatever port: some routers answer from one of their own.</summary>
    public void HandleSearchAnswer(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!SsdpAnswer.TryRead(datagram, out SsdpAnswer answer)) { _drops.Count(PortMapDrop.Malformed); return; }
        if (source.Bits != _gateway.Bits)
        {
            _drops.Count(PortMapDrop.WrongSource);
            if (answer.IsRouter && Others.Count < MaxOthers && !Others.Contains(source.WithPort(0))) Others = [.. Others, source.WithPort(0)];
            return;
        }

        if (!answer.IsRouter) return; // The rest of what it is: "ssdp:all" has everything answer.
        if (IsServiceKnown || (!IsAsking && _describeAt == Instant.Never)) { _drops.Count(PortMapDrop.Unasked); return; }
        if (!LanUrl.TryRead(answer.Location, out LanUrl url) || !TryPlace(ref url)) { _drops.Count(PortMapDrop.HostileUrl); return; }
        if (_locations.Contains(url) || _locations.Count == MaxLocations) return;

        _locations.Add(url);
        if (_describeAt == Instant.Never) _describeAt = now + GatherTime;
    }

    /// <summary>Takes what became of a request.</summary>
    public void HandleReply(int id, UpnpReply reply, Instant now)
    {
        if (id != _lastId || _then is not { } then) { _drops.Count(PortMapDrop.Unasked); return; }
        _then = null;
        then(reply, now);
    }

    protected sealed override void SendRequest(Instant now)
    {
        if (IsBusy) return;
        if (IsServiceKnown)
        {
            StopRequests(); // From here on replies lead on, not the schedule of the search.
            Continue(now);
            return;
        }

        foreach (TransportAddress destination in (ReadOnlySpan<TransportAddress>)[_gateway.WithPort(SsdpSearch.Port), SsdpSearch.Group(Local.IsIpv4)])
        {
            foreach (string target in SsdpSearch.Targets) _output.Searches.Enqueue(new UpnpSearch(destination, SsdpSearch.Write(destination, target)));
        }
    }

    /// <summary>A service is to be tried for the first time.</summary>
    protected abstract void Begin(Instant now);

    /// <summary>The mapping at the service is wanted, or wanted again.</summary>
    protected abstract void Continue(Instant now);

    /// <summary>Sends an action; <paramref name="then"/> takes what it was answered, unless nothing came.</summary>
    protected void Ask(string action, Action<SoapResponse, Instant> then, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        Send(Action(action, arguments), (reply, now) =>
        {
            if (reply.Status == 0) HandleUnanswered(now);
            else then(SoapResponse.Read(reply.Status, reply.Body), now);
        });
    }

    /// <summary>Sends an action whose answer changes nothing.</summary>
    protected void Tell(string action, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        _then = null; // What is out is of no interest any more.
        _output.Requests.Enqueue(Action(action, arguments));
    }

    /// <summary>This service does not serve: the next is tried, and after the last it is told why none did.</summary>
    protected void TryNext(PortMappingAnswer answer, string problem, Instant now)
    {
        // A mapping that could be had but for another NAT is the most that there is to tell.
        if (_worst is null or { Answer: PortMappingAnswer.Absent } || answer == PortMappingAnswer.NestedNat) _worst = (answer, problem);
        if (_tried < _services.Count)
        {
            Service = _services[_tried++];
            Begin(now);
            return;
        }

        (PortMappingAnswer Answer, string Problem) worst = _worst.Value;
        if (Mapped.IsValid && worst.Answer == PortMappingAnswer.NestedNat) SendDeletion(); // It leads nowhere now.
        Forget();
        Service = default;
        Refuse(worst.Answer, worst.Problem, TimeSpan.Zero, now);
        if (Mapped.IsValid) StartRequests(now + MinLifetime); // The gateway may answer elsewhere now: it is searched for again.
        else IsMapWanted = false;
    }

    /// <summary>This service has served: the others are of no interest.</summary>
    protected void Hold(TransportAddress external, Instant now)
    {
        Grant(external, WantedLifetimeSeconds, now);
        Forget();
    }

    /// <summary>Says what an error is, in words of ours.</summary>
    protected static string Spell(SoapResponse response) => response.Error switch
    {
        401 => "it refused: it does not know the action (401)",
        402 => "it refused: invalid arguments (402)",
        501 => "it refused: action failed (501)",
        606 => "it refused: not authorized (606)",
        704 => "it refused: no such pinhole (704)",
        718 => "it refused: the port is another's (718)",
        728 => "it refused: no more mappings (728)",
        729 => "it refused: the port is used otherwise (729)",
        -1 => $"it answered nonsense (HTTP {response.Status})",
        _ => $"it refused: error {response.Error}",
    };

    private void HandleUnanswered(Instant now) => TryNext(PortMappingAnswer.Refused, "it did not answer the action", now);

    private void DescribeNext(Instant now)
    {
        if (_described < _locations.Count)
        {
            LanUrl location = _locations[_described++];
            Send(new UpnpRequest(0, location.Host, location.Path, null, []), (reply, at) =>
            {
                if (reply.Status == 200) AddServices(location, UpnpDescription.Read(reply.Body));
                else _isUnfetched = true;
                DescribeNext(at);
            });
            return;
        }

        List<UpnpService> sorted = [.. _services.OrderBy(RankOf).ThenByDescending(service => service.Version).Take(MaxServices)];
        _services.Clear();
        _services.AddRange(sorted);
        _tried = 0;
        if (_services.Count > 0 || !_isUnfetched) TryNext(PortMappingAnswer.Absent, $"its UPnP description names no {Kinds[0]}", now); // So it is, unless there is one to try.
        else if (_isSecondSearch) TryNext(PortMappingAnswer.Refused, "it did not send its UPnP description", now);
        else SearchAgain(now);
    }

    /// <summary>A small router that is busy, or was looked for by several at once, sends its description to the next who asks.</summary>
    private void SearchAgain(Instant now)
    {
        Forget();
        _isSecondSearch = true;
        StartRequests(now);
    }

    private void AddServices(LanUrl location, UpnpDescription description)
    {
        LanUrl start = description.UrlBase is { } text && LanUrl.TryRead(text, out LanUrl given) ? given : location;
        foreach (UpnpServiceEntry entry in description.Services)
        {
            UpnpService service = new(entry.Type, default, "");
            if (RankOf(service) < 0) continue;
            if (!start.TryResolve(entry.ControlUrl, out LanUrl url) || !TryPlace(ref url)) { _drops.Count(PortMapDrop.HostileUrl); continue; }
            service = service with { Endpoint = url.Host, Path = url.Path };
            if (!_services.Contains(service)) _services.Add(service);
        }
    }

    private int RankOf(UpnpService service)
    {
        for (int i = 0; i < Kinds.Count; i++)
        {
            if (service.Is(Kinds[i])) return i;
        }

        return -1;
    }

    /// <summary>
    /// Puts the gateway in the place of the host. Routers name addresses of theirs that are not the one we reach them by, so another private
    /// address is taken for the gateway's; what lies outside every LAN, or on this machine, is taken for an attempt to have us reach there.
    /// </summary>
    private bool TryPlace(ref LanUrl url)
    {
        bool isOwn = url.Host.Bits == _gateway.Bits;
        AddressScope scope = AddressScopes.ScopeOf(url.Host);
        bool isPlausible = scope == AddressScope.Private || (!Local.IsIpv4 && scope is AddressScope.Global or AddressScope.LinkLocal);
        if (url.Host.IsIpv4 != Local.IsIpv4 || (!isOwn && !isPlausible)) return false;
        url = url with { Host = _gateway.WithPort(url.Host.Port) };
        return true;
    }

    private void Send(UpnpRequest request, Action<UpnpReply, Instant> then)
    {
        _then = then;
        _output.Requests.Enqueue(request with { Id = ++_lastId });
    }

    private UpnpRequest Action(string action, ReadOnlySpan<(string Name, string Value)> arguments) =>
        new(0, Service.Endpoint, Service.Path, $"{Service.Type}#{action}", SoapRequest.Write(Service.Type, action, arguments));

    private void Forget()
    {
        _services.Clear();
        _locations.Clear();
        _described = _tried = 0;
        _isUnfetched = _isSecondSearch = false;
        _worst = null;
        _then = null;
    }
}
