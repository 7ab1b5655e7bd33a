using System.Buffers;
using Addresses;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>
/// Candidates: a call-me-maybe of ours, which says of each address how the sender has come by it. By relay only: type 0x41, version 0, then a
/// MessagePack map with small integer keys. The list is whole: it replaces the one before.
/// </summary>
/// <remarks>Sender, receiver and counter stand inside the box, so that it can be neither reflected nor re-addressed nor replayed.</remarks>
public sealed record AnnouncedCandidates
{
    /// <summary>The most candidates we say or hear at once; more are not read.</summary>
    public const int MaxCandidates = CallMeMaybe.MaxAddresses;

    /// <summary>The longest message we read, in bytes: one of <see cref="MaxCandidates"/> takes about 900.</summary>
    public const int MaxLength = 4096;

    private const int PrefixLength = 2;
    private const int CandidateFields = 3;
    private const int UnconfirmedFlag = 1;

    /// <summary>The node that says this.</summary>
    public required NodeKey Sender { get; init; }

    /// <summary>The node this is for.</summary>
    public required NodeKey Receiver { get; init; }

    /// <summary>Grows from one to the next since the sender's start.</summary>
    public required long Counter { get; init; }

    /// <summary>Where the sender may be reached, best first.</summary>
    public required IReadOnlyList<Candidate> List { get; init; }

    /// <summary>The links the sender is on. Link-local addresses stand here and nowhere else. Empty = it says none: the field is left out.</summary>
    public IReadOnlyList<AnnouncedLink> Links { get; init; } = [];

    /// <summary>Makes the whole message, of the first <see cref="MaxCandidates"/>.</summary>
    public byte[] ToMessage()
    {
        ArrayBufferWriter<byte> buffer = new(1024);
        buffer.Write<byte>([(byte)DiscoMessageType.Candidates, 0]);
        MessagePackWriter writer = new(buffer);
        writer.WriteMapHeader(Links.Count == 0 ? 4 : 5);
        DiscoFields.WriteKey(ref writer, (int)Field.Sender, Sender);
        DiscoFields.WriteKey(ref writer, (int)Field.Receiver, Receiver);
        DiscoFields.WriteNumber(ref writer, (int)Field.Counter, Counter);
        writer.Write((int)Field.List);
        writer.WriteArrayHeader(Math.Min(List.Count, MaxCandidates));
        foreach (Candidate candidate in List.Take(MaxCandidates)) Write(ref writer, candidate);
        if (Links.Count > 0)
        {
            writer.Write((int)Field.Links);
            AnnouncedLink.WriteList(ref writer, Links);
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message whose type is known to be Candidates. What lies behind the first <see cref="MaxCandidates"/> is not looked at.</summary>
    /// <returns>False where it is malformed, over <see cref="MaxLength"/>, of another version, or lacks a field that all have.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out AnnouncedCandidates? candidates)
    {
        candidates = null;
        if (message.Length is <= PrefixLength or > MaxLength || message[1] != 0) return false;
        try
        {
            candidates = ReadFields(message[PrefixLength..].ToArray());
            return candidates is not null;
        }
        catch (Exception exception) when (DiscoFields.IsNonsense(exception))
        {
            return false;
        }
    }

    private static AnnouncedCandidates? ReadFields(byte[] body)
    {
        MessagePackReader reader = new(body);
        int count = reader.ReadMapHeader();
        if (count > DiscoFields.MaxFields) return null;

        NodeKey sender = default, receiver = default;
        long counter = -1;
        List<Candidate>? list = null;
        List<AnnouncedLink> links = [];
        for (int i = 0; i < count; i++)
        {
            switch ((Field)reader.ReadInt32())
            {
                case Field.Sender: sender = DiscoFields.ReadKey(ref reader); break;
                case Field.Receiver: receiver = DiscoFields.ReadKey(ref reader); break;
                case Field.Counter: counter = reader.ReadInt64(); break;
                case Field.List: list = ReadList(ref reader); break;
                case Field.Links: links = AnnouncedLink.ReadList(ref reader); break;
                default: reader.Skip(); break; // For later versions.
            }
        }

        if (sender.IsZero || receiver.IsZero || counter < 0 || list is null) return null;
        return new AnnouncedCandidates { Sender = sender, Receiver = receiver, Counter = counter, List = list, Links = links };
    }

    private static List<Candidate> ReadList(ref MessagePackReader reader)
    {
        int count = reader.ReadArrayHeader();
        List<Candidate> list = new(Math.Min(count, MaxCandidates));
        for (int i = 0; i < count; i++)
        {
            if (i >= MaxCandidates) reader.Skip();
            else list.Add(Read(ref reader));
        }

        return list;
    }

    /// <summary>A candidate is an array: address (18 bytes, as in a call-me-maybe), kind, flags; whatever else follows is for later versions.</summary>
    private static void Write(ref MessagePackWriter writer, Candidate candidate)
    {
        Span<byte> address = stackalloc byte[WireAddress.Length];
        WireAddress.Write(address, candidate.Address);
        writer.WriteArrayHeader(CandidateFields);
        writer.Write(address);
        writer.Write((byte)candidate.Kind);
        writer.Write(candidate.IsUnconfirmed ? UnconfirmedFlag : 0);
    }

    private static Candidate Read(ref MessagePackReader reader)
    {
        int fields = reader.ReadArrayHeader();
        if (fields < CandidateFields) throw new MessagePackSerializationException("A candidate is an address, a kind and flags.");

        TransportAddress address = WireAddress.Read(ref reader);
        int kind = reader.ReadInt32();
        int flags = reader.ReadInt32();
        for (int i = CandidateFields; i < fields; i++) reader.Skip();
        CandidateKind known = kind is > 0 and <= (int)CandidateKind.LocalPort ? (CandidateKind)kind : CandidateKind.Unknown;
        return new Candidate(address, known) { IsUnconfirmed = (flags & UnconfirmedFlag) != 0 };
    }

    private enum Field
    {
        Sender = 1,
        Receiver = 2,
        Counter = 3,
        List = 4,
        Links = 5,
    }
}
