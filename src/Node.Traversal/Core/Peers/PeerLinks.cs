using Addresses;
using Node.Traversal.Core.Links;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// The links that we and one peer are on. Both name theirs; whoever finds one of its own among the other's tells its link-local addresses there,
/// and nobody else hears them. A link that the peer only pretends to be on has it told four addresses that mean nothing elsewhere, and four of
/// its choice checked on that link.
/// </summary>
internal sealed class PeerLinks(NodeContext context)
{
    private IReadOnlyList<AnnouncedLink> _theirs = [];
    private IReadOnlyList<AnnouncedLink> _said = [];

    /// <summary>Says that the peer is to hear other than it last did.</summary>
    public bool HasNews => !ToSay().SequenceEqual(_said);

    /// <summary>Says that the peer has named links.</summary>
    public bool HasTheirs => _theirs.Count > 0;

    /// <summary>Takes the links that the peer names.</summary>
    public void HandleAnnounced(IReadOnlyList<AnnouncedLink> links)
    {
        _theirs = links;
        foreach (AnnouncedLink link in links)
        {
            bool isOurs = context.Links.Any(own => own.Id == link.Id);
            foreach (TransportAddress address in link.Addresses)
            {
                if (!isOurs || !address.IsIpv6LinkLocal) context.Drops.Count(NodeDrop.WrongLink);
            }
        }
    }

    /// <summary>The peer has started anew: it has heard nothing from us, and says anew where it is.</summary>
    public void HandleRestart()
    {
        _theirs = [];
        _said = [];
    }

    /// <summary>The peer was told this.</summary>
    public void HandleSaid(IReadOnlyList<AnnouncedLink> links) => _said = links;

    /// <summary>What the peer is to hear: the names of all our links, and our addresses on those that it has named too, once each.</summary>
    public AnnouncedLink[] ToSay()
    {
        List<AnnouncedLink> links = [];
        HashSet<uint> told = [];
        int room = AnnouncedLink.MaxAddresses;
        foreach (OwnLink own in context.Links)
        {
            bool isTold = context.Options.HasIpv6 && IsShared(own) && told.Add(own.Zone);
            TransportAddress[] addresses = isTold ? [.. own.Addresses.Take(room).Select(address => address.WithZone(0).WithPort(context.Options.UdpPort))] : [];
            room -= addresses.Length;
            links.Add(new AnnouncedLink(own.Id, addresses));
        }

        return [.. links];
    }

    /// <summary>Where the peer may be reached on the links that both are on, each address in the zone that the link has here.</summary>
    public IEnumerable<TransportAddress> Candidates() =>
        (from link in _theirs
         from own in context.Links
         where own.Id == link.Id
         from address in link.Addresses
         let here = address.WithZone(own.Zone)
         where context.Options.HasIpv6 && context.Filter.IsAnnounceableOnLink(here) && !own.Addresses.Any(ours => ours.Bits == here.Bits)
         select here).Distinct().Take(AnnouncedLink.MaxAddresses);

    /// <summary>Says whether a link-local address is one of a link that both are on.</summary>
    public bool IsOnShared(TransportAddress address) => address.Zone != 0 && context.Links.Any(own => own.Zone == address.Zone && IsShared(own));

    private bool IsShared(OwnLink own) => _theirs.Any(link => link.Id == own.Id);
}
