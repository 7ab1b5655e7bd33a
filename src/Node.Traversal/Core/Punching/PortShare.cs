using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>How many ports of a small block a punch may take: the block is the household's, and for as long as a mapping lives nobody else has its port.</summary>
internal static class PortShare
{
    /// <summary>
    /// The most of a block that is known: a quarter is left to everybody else (of 128 ports 32, for half a minute). With half of it left, two
    /// such blocks would meet in two attempts of ten, which is worth no attempt.
    /// </summary>
    public const double Most = 0.75;

    /// <summary>The ports that a punch may take of a NAT; as many as there are for all one knows, where it is easy or no block is known.</summary>
    public static int Of(NatProfile nat) => nat.IsHard && nat.HighestPort != 0 ? (int)(nat.PortRange * Most) : ushort.MaxValue;

    /// <summary>The ports that a punch may take of the smaller one of two NATs' blocks.</summary>
    public static int Of(NatProfile own, NatProfile peer) => Math.Min(Of(own), Of(peer));

    /// <summary>Of <paramref name="size"/> packets to as many ports of one address, those that may be sent: each takes a port, unless the NAT maps by address alone.</summary>
    public static int OfPackets(NatProfile nat, int size) => nat.Mapping == NatMapping.AddressDependent ? size : Math.Min(size, Of(nat));
}
