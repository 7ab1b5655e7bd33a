using Addresses;

namespace Node.Traversal.Core.Links;

/// <summary>A link that one of this machine's interfaces is on, as far as it can be named: another node on it comes to the same id.</summary>
/// <param name="Id">Its name: see <see cref="LinkId"/>. A link that is recognised by several marks is told once for each.</param>
/// <param name="Zone">The interface's index, which is the zone of all link-local addresses there.</param>
/// <param name="Addresses">Our link-local IPv6 addresses there, with port 0.</param>
internal sealed record OwnLink(ushort Id, uint Zone, IReadOnlyList<TransportAddress> Addresses)
{
    /// <inheritdoc/>
    public bool Equals(OwnLink? other) => other is not null && Id == other.Id && Zone == other.Zone && Addresses.SequenceEqual(other.Addresses);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Id, Zone);
}
