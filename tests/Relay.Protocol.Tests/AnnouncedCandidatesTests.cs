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
        byte[] message = Some().ToMessage();
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
        Assert.Equal(expected with { List = read.List }, read);
    }

    private static byte[] WithTinyCandidates(int count) => [0x41, 0, .. Body((ref MessagePackWriter writer) =>
    {
        for (int i = 0; i < count; i++) WriteCandidate(ref writer, kind: 1, extra: false);
    }, count)];

    private static byte[] Body(WriteCandidates write, int count = 1)
    {
        System.Buffers.ArrayBufferWriter<byte> buffer = new();
        MessagePackWriter writer = new(buffer);
        writer.WriteMapHeader(4);
        writer.Write(1);
        writer.Write(Golden.Bytes(Golden.ClientKeyHex));
        writer.Write(2);
        writer.Write(Golden.Bytes(Golden.ServerKeyHex));
        writer.Write(3);
        writer.Write(7);
        writer.Write(4);
        writer.WriteArrayHeader(count);
        write(ref writer);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
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
