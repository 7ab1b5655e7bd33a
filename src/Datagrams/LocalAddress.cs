using Addresses;

namespace Datagrams;

/// <summary>An address of this host that a datagram was sent to, and the interface it came in by where the address alone does not name it.</summary>
/// <param name="Address">The address, with port 0; <c>default</c> where none is known.</param>
/// <param name="Interface">The interface's index for a link-local IPv6 address; otherwise 0, so that routing decides.</param>
internal readonly record struct LocalAddress(TransportAddress Address, int Interface);
