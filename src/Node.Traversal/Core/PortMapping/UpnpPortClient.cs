using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Addresses;
using Node.Traversal.Messages.Upnp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>
/// A mapping by UPnP's Internet gateway device, version 1 or 2: the external address is asked for first, of every connection that the gateway
/// has until one is public; the mapping only when it is wanted.
/// </summary>
internal sealed class UpnpPortClient(TransportAddress gateway, TransportAddress local, EntropySource entropy, UpnpOutput output, PortMapDrops drops)
    : UpnpClient(gateway, local, entropy, output, drops)
{
    /// <summary>External ports that are tried where one is another's.</summary>
    public const int MaxConflicts = 6;

    /// <summary>Below it a router may have services of its own.</summary>
    private const int LowestPort = 1024;

    /// <summary>What stands in the router's table.</summary>
    private const string Description = "relay-node";

    private readonly EntropySource _entropy = entropy;
    private bool _isPermanent;
    private int _conflicts;

    public override PortMappingOffer Offer => base.Offer with { IsPermanent = _isPermanent && Mapped.IsValid };

    protected override IReadOnlyList<string> Kinds { get; } = ["WANIPConnection", "WANPPPConnection"];

    protected override void Begin(Instant now)
    {
        _isPermanent = false;
        AskExternal((external, at) =>
        {
            External = external;
            if (Mapped.IsValid || IsMapWanted) AddFirst();
            else NoteOffered();
        });
    }

    protected override void Continue(Instant now)
    {
        if (Mapped.IsValid) Add(Mapped.Port);
        else if (IsMapWanted) AddFirst();
        else Begin(now);
    }

    protected override void SendCheck()
    {
        if (IsBusy || !IsServiceKnown) return;
        AskExternal((external, now) =>
        {
            if (external.Bits != Mapped.Bits)
            {
                External = external;
                Add(Mapped.Port); // It was given another address: the mapping is asked for again, and told with it.
                return;
            }

            Ask("GetSpecificPortMappingEntry", HandleEntry, ("NewRemoteHost", ""), ("NewExternalPort", Spell(Mapped.Port)), ("NewProtocol", "UDP"));
        });
    }

    protected override void SendDeletion()
    {
        if (IsServiceKnown) Tell("DeletePortMapping", ("NewRemoteHost", ""), ("NewExternalPort", Spell(Mapped.Port)), ("NewProtocol", "UDP"));
    }

    private void AskExternal(Action<TransportAddress, Instant> then) => Ask("GetExternalIPAddress", (response, now) =>
    {
        string text = response["NewExternalIPAddress"];
        bool isAddress = IPAddress.TryParse(text, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetwork;
        if (!response.IsSuccess) { TryNext(PortMappingAnswer.Refused, Spell(response), now); return; }
        TransportAddress external = isAddress ? TransportAddress.From(address!, 0) : TransportAddress.FromIpv4(0, 0); // A line that is down has none.
        if (AddressScopes.ScopeOf(external) != AddressScope.Global)
        {
            External = external;
            TryNext(PortMappingAnswer.NestedNat, DescribeNested(external), now);
            return;
        }

        then(external, now);
    });

    private void AddFirst()
    {
        _conflicts = 0;
        Add(Suggested.Port >= LowestPort ? Suggested.Port : AnyPort(), isAnyPort: Service.Version >= 2 && Service.Is(Kinds[0]));
    }

    private void Add(ushort port, bool isAnyPort = false) => Ask(
        isAnyPort ? "AddAnyPortMapping" : "AddPortMapping",
        (response, now) => HandleAdded(response, port, isAnyPort, now),
        ("NewRemoteHost", ""), ("NewExternalPort", Spell(port)), ("NewProtocol", "UDP"), ("NewInternalPort", Spell(Local.Port)),
        ("NewInternalClient", Local.ToIPAddress().ToString()), ("NewEnabled", "1"), ("NewPortMappingDescription", Description),
        ("NewLeaseDuration", _isPermanent ? "0" : WantedLifetimeSeconds.ToString(CultureInfo.InvariantCulture)));

    private void HandleAdded(SoapResponse response, ushort port, bool wasAnyPort, Instant now)
    {
        switch (response.Error)
        {
            case 0:
                HandleMapped(wasAnyPort ? response["NewReservedPort"] : Spell(port), now);
                break;
            case 401 or 602 when wasAnyPort: // It calls itself version 2, and is not.
                Add(port);
                break;
            case 402 or 725 when !_isPermanent: // It knows no leases that end; some say so, some call it an invalid argument.
                _isPermanent = true;
                Add(port, wasAnyPort);
                break;
            case 718 or 729 when _conflicts++ < MaxConflicts:
                if (Mapped.IsValid) HandleForgotten(now); // Ours has become another's.
                Add(AnyPort());
                break;
            case 724 when port != Local.Port && _conflicts++ < MaxConflicts: // It wants both ports the same.
                Add(Local.Port);
                break;
            default:
                TryNext(PortMappingAnswer.Refused, Spell(response), now);
                break;
        }
    }

    private void HandleMapped(string port, Instant now)
    {
        // A lease without end is renewed like one that ends: the gateway may have lost it.
        if (ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort given) && given != 0) Hold(External.WithPort(given), now);
        else TryNext(PortMappingAnswer.Refused, "it gave no external port", now);
    }

    private void HandleEntry(SoapResponse response, Instant now)
    {
        bool isGone = response.Error == 714;
        bool isOthers = response.IsSuccess && response["NewInternalClient"] is { Length: > 0 } client && client != Local.ToIPAddress().ToString();
        if (isGone || isOthers) HandleForgotten(now); // Any other error: it cannot tell, and the lease decides.
    }

    private ushort AnyPort()
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        _entropy(random);
        return (ushort)(LowestPort + BitConverter.ToUInt32(random) % (ushort.MaxValue + 1 - LowestPort));
    }

    private static string Spell(ushort port) => port.ToString(CultureInfo.InvariantCulture);
}
