using System.Buffers.Binary;
using Addresses;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// The prefix by which a network without IPv4 writes IPv4 addresses: its NAT64 sends on what is sent to prefix and IPv4 address in one
/// (RFC 6052). Such a network tells the prefix by the addresses that it gives the name <c>ipv4only.arpa</c> (RFC 7050).
/// </summary>
internal readonly record struct Nat64Prefix
{
    // What ipv4only.arpa has in every other network: 192.0.0.170 and 192.0.0.171 (RFC 7050 §2.2).
    private const uint FirstWellKnown = 0xC000_00AA, LastWellKnown = 0xC000_00AB;

    private const int AddressBits = 128, AddressLength = 16, Ipv4Length = 4;

    /// <summary>Bits 64 to 71 are zero, and no part of the IPv4 address (RFC 6052 §2.2).</summary>
    private const int ReservedOctet = 8;

    /// <summary>The only lengths there are, in bits; nearly every network has the first.</summary>
    private static readonly int[] Lengths = [96, 64, 56, 48, 40, 32];

    private readonly UInt128 _bits;
    private readonly int _length;

    private Nat64Prefix(TransportAddress example, int length)
    {
        _length = length;
        _bits = example.Bits & MaskOf(length);
    }

    /// <summary>Finds the prefix in the addresses of <c>ipv4only.arpa</c>.</summary>
    /// <returns>False where none of them is made from its IPv4 addresses: there is no NAT64.</returns>
    public static bool TryFind(IEnumerable<TransportAddress> answers, out Nat64Prefix prefix)
    {
        foreach (TransportAddress answer in answers.Where(answer => answer.IsIpv6))
        {
            foreach (int length in Lengths)
            {
                prefix = new Nat64Prefix(answer, length);
                if (prefix.IsShownBy(answer)) return true;
            }
        }

        prefix = default;
        return false;
    }

    /// <summary>Says whether an address of <c>ipv4only.arpa</c> is made of this prefix and one of that name's IPv4 addresses.</summary>
    public bool IsShownBy(TransportAddress answer) => Contains(answer) && Ipv4In(answer).Ipv4Bits is FirstWellKnown or LastWellKnown;

    /// <summary>Where packets for an address are sent: a global IPv4 address's translation, with its port; any other, to which no NAT64 leads, itself.</summary>
    public TransportAddress Translate(TransportAddress address)
    {
        if (!address.IsIpv4 || AddressScopes.ScopeOf(address) != AddressScope.Global) return address;

        Span<byte> octets = stackalloc byte[AddressLength];
        BinaryPrimitives.WriteUInt128BigEndian(octets, _bits);
        uint rest = address.Ipv4Bits;
        foreach (int octet in Octets())
        {
            octets[octet] = (byte)(rest >> 24);
            rest <<= 8;
        }

        return TransportAddress.FromBytes16(octets, address.Port);
    }

    /// <summary>Says whether an address stands for an IPv4 address.</summary>
    public bool Contains(TransportAddress address) => address.IsIpv6 && (address.Bits & MaskOf(_length)) == _bits;

    /// <summary>The IPv4 address, with its port, for which one stands that this prefix contains.</summary>
    public TransportAddress Ipv4In(TransportAddress address)
    {
        Span<byte> octets = stackalloc byte[AddressLength];
        address.WriteBytes16(octets);
        uint ipv4 = 0;
        foreach (int octet in Octets()) ipv4 = (ipv4 << 8) | octets[octet];
        return TransportAddress.FromIpv4(ipv4, address.Port);
    }

    public override string ToString() => $"{TransportAddress.FromIpv6(_bits, 0).ToIPAddress()}/{_length}";

    private static UInt128 MaskOf(int length) => UInt128.MaxValue << (AddressBits - length);

    /// <summary>The octets of an address in which the IPv4 address stands.</summary>
    private IEnumerable<int> Octets() => Enumerable.Range(_length / 8, Ipv4Length + 1).Where(octet => octet != ReservedOctet).Take(Ipv4Length);
}
