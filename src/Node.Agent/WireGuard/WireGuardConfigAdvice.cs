using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>Finds what a wg-quick file may say and its writer hardly meant. WireGuard takes all of it without a word.</summary>
internal static class WireGuardConfigAdvice
{
    /// <summary>A sentence for each finding, without a full stop, with its line where it has one.</summary>
    /// <param name="config">The file.</param>
    /// <param name="self">The node's own key.</param>
    public static IEnumerable<string> Of(WireGuardConfig config, NodeKey self)
    {
        Dictionary<IpPrefix, WireGuardPeer> owners = [];
        foreach (WireGuardPeer peer in config.Peers)
        {
            if (peer.AllowedAddresses.Count == 0) yield return $"line {peer.Line}: this peer has no AllowedIPs, so nothing is sent to it or taken from it";
            if (peer is { Relay: true, Endpoint: not null, EndpointAddress.IsValid: false }) yield return $"line {peer.Line}: a name in an Endpoint is not looked up, so it is no address to try here; write the address";
            foreach (IpPrefix range in peer.AllowedAddresses)
            {
                // Ranges within each other are meant: the narrower one wins. The same range cannot be had by two.
                if (owners.TryGetValue(range, out WireGuardPeer? owner) && owner != peer) yield return $"line {peer.Line}: AllowedIPs {range} are those of the peer in line {owner.Line} too, which loses them";
                owners[range] = peer;
            }
        }

        if (!CarriedPeers.Choose(config, self).Any()) yield return "no peer is carried: there is none without an Endpoint or with #Relay = on";
    }
}
