using Addresses;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>
/// A link that the sender of <see cref="AnnouncedCandidates"/> is on, and its link-local IPv6 addresses there: an array of the link's id and an
/// array of addresses (18 bytes each, as in a call-me-maybe; no zone, which is the receiver's own). Whatever else follows is for later versions.
/// </summary>
/// <param name="Id">Names the link: two nodes on it come to the same number. 0 to 65535; a hint, for others may come to it by chance.</param>
/// <param name="Addresses">The addresses, with their ports: none unless the receiver has named that link too.</param>
public sealed record AnnouncedLink(ushort Id, IReadOnlyList<TransportAddress> Addresses)
{
    /// <summary>The most links we say or hear of at once; more are not read.</summary>
    public const int MaxLinks = 4;

    /// <summary>The most addresses of all links together; more are not read.</summary>
    public const int MaxAddresses = 4;

    private const int Fields = 2;

    /// <inheritdoc/>
    public bool Equals(AnnouncedLink? other) => other is not null && Id == other.Id && Addresses.SequenceEqual(other.Addresses);

    /// <inheritdoc/>
    public override int GetHashCode() => Id;

    /// <summary>Writes the first <see cref="MaxLinks"/> of them.</summary>
    internal static void WriteList(ref MessagePackWriter writer, IReadOnlyList<AnnouncedLink> links)
    {
        int room = MaxAddresses;
        Span<byte> bytes = stackalloc byte[WireAddress.Length];
        writer.WriteArrayHeader(Math.Min(links.Count, MaxLinks));
        foreach (AnnouncedLink link in links.Take(MaxLinks))
        {
            int count = Math.Min(link.Addresses.Count, room);
            room -= count;
            writer.WriteArrayHeader(Fields);
            writer.Write(link.Id);
            writer.WriteArrayHeader(count);
            foreach (TransportAddress address in link.Addresses.Take(count))
            {
                WireAddress.Write(bytes, address);
                writer.Write(bytes);
            }
        }
    }

    /// <summary>Reads what <see cref="WriteList"/> has written. What lies behind the limits is not looked at.</summary>
    /// <exception cref="MessagePackSerializationException">It is no such list.</exception>
    internal static List<AnnouncedLink> ReadList(ref MessagePackReader reader)
    {
        int room = MaxAddresses;
        int count = reader.ReadArrayHeader();
        List<AnnouncedLink> links = new(Math.Min(count, MaxLinks));
        for (int i = 0; i < count; i++)
        {
            if (i >= MaxLinks) reader.Skip();
            else links.Add(Read(ref reader, ref room));
        }

        return links;
    }

    private static AnnouncedLink Read(ref MessagePackReader reader, ref int room)
    {
        int fields = reader.ReadArrayHeader();
        if (fields < Fields) throw new MessagePackSerializationException("A link is an id and addresses.");

        ushort id = reader.ReadUInt16();
        int count = reader.ReadArrayHeader();
        List<TransportAddress> addresses = new(Math.Min(count, room));
        for (int i = 0; i < count; i++)
        {
            if (room == 0)
            {
                reader.Skip();
                continue;
            }

            addresses.Add(WireAddress.Read(ref reader));
            room--;
        }

        for (int i = Fields; i < fields; i++) reader.Skip();
        return new AnnouncedLink(id, addresses);
    }
}
