using System.Globalization;
using Addresses;
using Node.Traversal.Messages.Upnp;
using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>A pinhole in the gateway's IPv6 firewall by UPnP (WANIPv6FirewallControl:1): our own address stays what it is, and the world is let in to it.</summary>
internal sealed class UpnpPinholeClient(TransportAddress gateway, TransportAddress local, EntropySource entropy, UpnpOutput output, PortMapDrops drops)
    : UpnpClient(gateway, local, entropy, output, drops)
{
    private const string ProtocolUdp = "17";
    private const int NoSuchEntry = 704;

    private ushort? _pinhole; // The gateway's number for it.

    protected override IReadOnlyList<string> Kinds { get; } = ["WANIPv6FirewallControl"];

    protected override void Begin(Instant now) => Ask("GetFirewallStatus", (response, at) =>
    {
        if (!response.IsSuccess) TryNext(PortMappingAnswer.Refused, Spell(response), at);
        else if (IsFalse(response["FirewallEnabled"])) TryNext(PortMappingAnswer.Absent, "its IPv6 firewall is off: there is nothing to open", at);
        else if (IsFalse(response["InboundPinholeAllowed"])) TryNext(PortMappingAnswer.Refused, "it allows no pinholes", at);
        else HandleAllowed();
    });

    protected override void Continue(Instant now)
    {
        if (Mapped.IsValid && _pinhole is { } pinhole)
        {
            Ask("UpdatePinhole", HandleUpdated, ("UniqueID", Spell(pinhole)), ("NewLeaseTime", Spell(WantedLifetimeSeconds)));
        }
        else if (IsMapWanted) Add();
        else Begin(now);
    }

    protected override void SendCheck()
    {
        if (IsBusy || !IsServiceKnown || _pinhole is not { } pinhole) return;
        Ask("GetPinholePackets", HandleChecked, ("UniqueID", Spell(pinhole)));
    }

    protected override void SendDeletion()
    {
        if (IsServiceKnown && _pinhole is { } pinhole) Tell("DeletePinhole", ("UniqueID", Spell(pinhole)));
    }

    private void HandleAllowed()
    {
        External = Local.WithPort(0);
        if (Mapped.IsValid || IsMapWanted) Add();
        else NoteOffered();
    }

    private void Add() => Ask(
        "AddPinhole", HandleAdded,
        ("RemoteHost", ""), ("RemotePort", "0"), ("InternalClient", Local.ToIPAddress().ToString()), ("InternalPort", Spell(Local.Port)),
        ("Protocol", ProtocolUdp), ("LeaseTime", Spell(WantedLifetimeSeconds)));

    private void HandleAdded(SoapResponse response, Instant now)
    {
        if (!response.IsSuccess) { TryNext(PortMappingAnswer.Refused, Spell(response), now); return; }
        if (!ushort.TryParse(response["UniqueID"], NumberStyles.None, CultureInfo.InvariantCulture, out ushort pinhole))
        {
            TryNext(PortMappingAnswer.Refused, "it gave the pinhole no number", now);
            return;
        }

        _pinhole = pinhole;
        Hold(Local, now);
    }

    private void HandleUpdated(SoapResponse response, Instant now)
    {
        if (response.IsSuccess) Hold(Local, now);
        else if (response.Error == NoSuchEntry) Add();
        else TryNext(PortMappingAnswer.Refused, Spell(response), now);
    }

    private void HandleChecked(SoapResponse response, Instant now)
    {
        if (response.Error != NoSuchEntry) return; // Any other error: it cannot tell, and the lease decides.
        _pinhole = null;
        HandleForgotten(now);
    }

    private static bool IsFalse(string value) => value is "0" or "false" or "no";

    private static string Spell(uint number) => number.ToString(CultureInfo.InvariantCulture);
}
