using Addresses;
using CsCheck;
using MessagePack;
using Relay.Protocol.Disco;

namespace Relay.Protocol.Tests;

public class AnnouncedCandidatesTests
{
    [Fact]
    public void Candidates_are_byte_exact_and_read_back()
    {
        AnnouncedCandidates some = Some();

        Assert.Equal(
            "410084" + "01c420" + Golden.ClientKeyHex + "02c420" + Golden.ServerKeyHex + "0307" + "0492"
            + "93c412" + "00000000000000000000ffffc00002019c40" + "0300" + "93c412" + "20010db8000000000000000000000001a2b9" + "0201",
            Golden.Hex(some.ToMessage()));
        AssertSame(some, some.ToMessage());
    }

    [Fact]
    public void Links_are_byte_exact_and_read_back_and_without_them_the_message_is_as_it_was()
    {
        AnnouncedCandidates some = Some() with
        {
            List = [],
            Links = [new AnnouncedLink(0xbeef, [Address("[fe80::1]:41657").WithZone(9)]), new AnnouncedLink(7, [])],
        };

        Assert.Equal(
            "410085" + "01c420" + Golden.ClientKeyHex + "02c420" + Golden.ServerKeyHex + "0307" + "0490"
            + "0592" + "92cdbeef" + "91c412" + "fe800000000000000000000000000001a2b9" + "920790",
            Golden.Hex(some.ToMessage()));
        Assert.True(AnnouncedCandidates.TryRead(some.ToMessage(), out AnnouncedCandidates? read));
        Assert.Equal([new AnnouncedLink(0xbeef, [Address("[fe80::1]:41657")]), new AnnouncedLink(7, [])], read!.Links); // The zone is nobody else's business.
        Assert.Equal(Golden.Hex(Some().ToMessage()), Golden.Hex((Some() with { Links = [] }).ToMessage()));
    }

    [Fact]
    public void No_more_links_and_link_local_addresses_are_said_or_heard_than_the_limits()
    {
        TransportAddress[] addresses = [.. Enumerable.Range(1, 100).Select(i => Address($"[fe80::{i}]:5000"))];
        AnnouncedLink[] links = [.. Enumerable.Range(1, 20).Select(i => new AnnouncedLink((ushort)i, [.. addresses.Skip(i * 3).Take(3)]))];

        Assert.True(AnnouncedCandidates.TryRead((Some() with { Links = links }).ToMessage(), out AnnouncedCandidates? said));
        Assert.True(AnnouncedCandidates.TryRead([0x41, 0, .. Body((ref MessagePackWriter _) => { }, 0, links)], out AnnouncedCandidates? heard));

        AnnouncedLink[] expected = [links[0], links[1] with { Addresses = [links[1].Addresses[0]] }, links[2] with { Addresses = [] }, links[3] with { Addresses = [] }];
        Assert.Equal(expected, said!.Links);
        Assert.Equal(expected, heard!.Links);
    }

    [Fact]
    public void No_more_are_said_or_heard_than_the_limit()
    {
        AnnouncedCandidates many = Some() with { List = [.. Enumerable.Range(0, 10_000).Select(i => new Candidate(TransportAddress.FromIpv4((uint)i, 5000), CandidateKind.Host))] };

        byte[] message = many.ToMessage();

        Assert.InRange(message.Length, 1, AnnouncedCandidates.MaxLength);
        AssertSame(many with { List = [.. many.List.Take(AnnouncedCandidates.MaxCandidates)] }, message);
    }

    [Fact]
    public void Of_a_longer_list_the_first_are_read_and_a_message_of_ten_thousand_not_at_all()
    {
        Assert.True(AnnouncedCandidates.TryRead(WithTinyCandidates(150), out AnnouncedCandidates? read));
        Assert.Equal(AnnouncedCandidates.MaxCandidates, read!.List.Count);

        Assert.False(AnnouncedCandidates.TryRead(WithTinyCandidates(10_000), out _));
    }

    [Fact]
    public void A_kind_that_we_do_not_know_is_unknown_and_later_fields_are_skipped()
    {
        byte[] message = [0x41, 0, .. Body((ref MessagePackWriter writer) => WriteCandidate(ref writer, kind: 99, extra: true))];

        Assert.True(AnnouncedCandidates.TryRead(message, out AnnouncedCandidates? read));
        Assert.Equal(CandidateKind.Unknown, Assert.Single(read!.List).Kind);
    }

    [Fact]
    public void No_truncated_flipped_or_random_message_throws()
    {
        byte[] message = (Some() with { Links = [new AnnouncedLink(0xbeef, [Address("[fe80::1]:41657")])] }).ToMessage();
        Gen.Select(Gen.Int[0, message.Length - 1], Gen.Byte, Gen.Int[0, message.Length]).Sample((at, value, length) =>
        {
            byte[] damaged = message.ToArray();
            damaged[at] = value;
            _ = AnnouncedCandidates.TryRead(damaged.AsSpan(0, length), out _);
        });
        Gen.Byte.Array[0, 300].Sample(bytes => { _ = AnnouncedCandidates.TryRead(bytes, out _); });
    }

    private delegate void WriteCandidates(ref MessagePackWriter writer);

    private static void AssertSame(AnnouncedCandidates expected, byte[] message)
    {
        Assert.True(AnnouncedCandidates.TryRead(message, out AnnouncedCandidates? read));
        Assert.Equal(expected.List, read!.List);
        Assert.Equal(expected with { List = read.List, Links = read.Links }, read);
    }

    private static byte[] WithTinyCandidates(int count) => [0x41, 0, .. Body((ref MessagePackWriter writer) =>
    {
        for (int i = 0; i < count; i++) WriteCandidate(ref writer, kind: 1, extra: false);
    }, count)];

    private static byte[] Body(WriteCandidates write, int count = 1, params AnnouncedLink[] links)
    {
        System.Buffers.ArrayBufferWriter<byte> buffer = new();
        MessagePackWriter writer = new(buffer);
        writer.WriteMapHeader(links.Length == 0 ? 4 : 5);
        writer.Write(1);
        writer.Write(Golden.Bytes(Golden.ClientKeyHex));
        writer.Write(2);
        writer.Write(Golden.Bytes(Golden.ServerKeyHex));
        writer.Write(3);
        writer.Write(7);
        writer.Write(4);
        writer.WriteArrayHeader(count);
        write(ref writer);
        if (links.Length > 0) WriteAll(ref writer, links);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>All of them, whatever the limits say.</summary>
    private static void WriteAll(ref MessagePackWriter writer, AnnouncedLink[] links)
    {
        writer.Write(5);
        writer.WriteArrayHeader(links.Length);
        foreach (AnnouncedLink link in links)
        {
            writer.WriteArrayHeader(3);
            writer.Write(link.Id);
            writer.WriteArrayHeader(link.Addresses.Count);
            foreach (TransportAddress address in link.Addresses)
            {
                byte[] bytes = new byte[18];
                address.WriteBytes16(bytes);
                System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(16), address.Port);
                writer.Write(bytes);
            }

            writer.Write("later");
        }
    }

    private static void WriteCandidate(ref MessagePackWriter writer, int kind, bool extra)
    {
        writer.WriteArrayHeader(extra ? 4 : 3);
        writer.Write(new byte[18]);
        writer.Write(kind);
        writer.Write(0);
        if (extra) writer.Write("later");
    }

    private static AnnouncedCandidates Some() => new()
    {
        Sender = Golden.Client.PublicKey,
        Receiver = Golden.Server.PublicKey,
        Counter = 7,
        List =
        [
            new Candidate(Address("192.0.2.1:40000"), CandidateKind.PortMapped),
            new Candidate(Address("[2001:db8::1]:41657"), CandidateKind.ServerReflexive) { IsUnconfirmed = true },
        ],
    };

    private static TransportAddress Address(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
