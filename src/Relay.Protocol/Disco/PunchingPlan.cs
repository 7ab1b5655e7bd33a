using System.Buffers;
using Addresses;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>What a punching plan says to its receiver.</summary>
public enum PunchingStep : byte
{
    /// <summary>Let us try this; here is what you need to know of my end.</summary>
    Offer = 1,

    /// <summary>I am ready; here is what you need to know of mine.</summary>
    Answer = 2,

    /// <summary>Start, so long after this has come.</summary>
    Go = 3,

    /// <summary>Not now: this end is busy, or sees the pair otherwise.</summary>
    Refusal = 4,

    /// <summary>To a neighbour behind the same router: a punch of mine with somebody else makes so many mappings there, or has made them.</summary>
    Notice = 5,
}

/// <summary>How a hole is to be made.</summary>
public enum PunchingMethod : byte
{
    /// <summary>None: nothing that is known could succeed.</summary>
    None = 0,

    /// <summary>Both ends check each other's candidates.</summary>
    Checks = 1,

    /// <summary>The same from a new local port at each end: something on the way has spoilt the ones before.</summary>
    FreshPorts = 2,

    /// <summary>One end opens many sockets towards one port, the other tries many ports: two of them meet (the birthday paradox).</summary>
    Birthday = 3,

    /// <summary>One end's NAT gives ports in sequence, and it knows between which two its own lie; the other tries those.</summary>
    Window = 4,

    /// <summary>Both ends' NATs give ports in sequence, and each predicts its next ones.</summary>
    Sequence = 5,

    /// <summary>Both ends' NATs keep to small blocks of ports: both try at random within them.</summary>
    Blocks = 6,
}

/// <summary>
/// Punching plan: how and when both ends make a hole together. Sealed between disco keys, by relay only: type 0x42, version 0, then a
/// MessagePack map with small integer keys.
/// </summary>
/// <remarks>Sender and receiver stand inside the box, because a box opens both ways; the counter only grows, so nothing old counts again.</remarks>
public sealed record PunchingPlan
{
    /// <summary>The highest version of the plan that we understand; a Hello says it, and who says none is sent no plans.</summary>
    public const int Version = 1;

    /// <summary>The longest message we read, in bytes; ours have at most about 200.</summary>
    public const int MaxLength = 512;

    /// <summary>The most addresses in a plan.</summary>
    public const int MaxAddresses = 4;

    /// <summary>The furthest start that is agreed on: beyond that the relay is too slow for an instant to be meant.</summary>
    public static readonly TimeSpan MaxStartsIn = TimeSpan.FromSeconds(5);

    private const int PrefixLength = 2;

    /// <summary>The node that says this.</summary>
    public required NodeKey Sender { get; init; }

    /// <summary>The node this is for.</summary>
    public required NodeKey Receiver { get; init; }

    /// <summary>Counts the plans since the sender's start, over all receivers.</summary>
    public required long Counter { get; init; }

    /// <summary>What is said.</summary>
    public required PunchingStep Step { get; init; }

    /// <summary>The round this is about; the one who offers numbers them, from 1.</summary>
    public required long Round { get; init; }

    /// <summary>How.</summary>
    public required PunchingMethod Method { get; init; }

    /// <summary>Says that the sender's NAT is the one whose ports are not known (<see cref="PunchingMethod.Birthday"/>, <see cref="PunchingMethod.Window"/>).</summary>
    public bool IsSenderHard { get; init; }

    /// <summary>The most sockets or ports the sender can bear in this round.</summary>
    public int Size { get; init; }

    /// <summary>Where the sender's packets come from in this round, as far as it knows; of a hard NAT only the address counts.</summary>
    public IReadOnlyList<TransportAddress> Addresses { get; init; } = [];

    /// <summary>The first public port the sender expects to have; 0 = no prediction.</summary>
    public ushort FirstPort { get; init; }

    /// <summary>From one expected port to the next.</summary>
    public short PortStep { get; init; }

    /// <summary>How many ports it expects.</summary>
    public int PortCount { get; init; }

    /// <summary>How long after this has come the receiver starts; 0 to <see cref="MaxStartsIn"/>.</summary>
    public TimeSpan StartsIn { get; init; }

    /// <summary>How long the sender has kept the message that this answers: what is left of the time between is the relayed round trip.</summary>
    public TimeSpan HeldFor { get; init; }

    /// <summary>How many hops the first packet of each line goes, at both ends; 0 = not said.</summary>
    public int OpenerHops { get; init; }

    /// <summary>Says that the punch of a notice is over; of a refusal, that the round was begun and failed at the sender's end.</summary>
    public bool IsOver { get; init; }

    /// <summary>Makes the whole message.</summary>
    public byte[] ToMessage()
    {
        ArrayBufferWriter<byte> buffer = new(256);
        buffer.Write<byte>([(byte)DiscoMessageType.PunchingPlan, 0]);
        MessagePackWriter writer = new(buffer);
        writer.WriteMapHeader(16);
        DiscoFields.WriteKey(ref writer, (int)Field.Sender, Sender);
        DiscoFields.WriteKey(ref writer, (int)Field.Receiver, Receiver);
        DiscoFields.WriteNumber(ref writer, (int)Field.Counter, Counter);
        DiscoFields.WriteNumber(ref writer, (int)Field.Step, (long)Step);
        DiscoFields.WriteNumber(ref writer, (int)Field.Round, Round);
        DiscoFields.WriteNumber(ref writer, (int)Field.Method, (long)Method);
        DiscoFields.WriteNumber(ref writer, (int)Field.IsSenderHard, IsSenderHard ? 1 : 0);
        DiscoFields.WriteNumber(ref writer, (int)Field.Size, Size);
        writer.Write((int)Field.Addresses);
        WriteAddresses(ref writer);
        DiscoFields.WriteNumber(ref writer, (int)Field.FirstPort, FirstPort);
        DiscoFields.WriteNumber(ref writer, (int)Field.PortStep, PortStep);
        DiscoFields.WriteNumber(ref writer, (int)Field.PortCount, PortCount);
        DiscoFields.WriteNumber(ref writer, (int)Field.StartsIn, DiscoFields.Microseconds(StartsIn));
        DiscoFields.WriteNumber(ref writer, (int)Field.HeldFor, DiscoFields.Microseconds(HeldFor));
        DiscoFields.WriteNumber(ref writer, (int)Field.OpenerHops, OpenerHops);
        DiscoFields.WriteNumber(ref writer, (int)Field.IsOver, IsOver ? 1 : 0);
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message whose type is known to be PunchingPlan.</summary>
    /// <returns>False where it is malformed, over <see cref="MaxLength"/>, of another version, or says something that cannot be.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out PunchingPlan? plan)
    {
        plan = null;
        if (message.Length is <= PrefixLength or > MaxLength || message[1] != 0) return false;
        try
        {
            plan = ReadFields(message[PrefixLength..].ToArray());
            return plan is not null;
        }
        catch (Exception exception) when (DiscoFields.IsNonsense(exception))
        {
            return false; // An authenticated peer sent nonsense; the caller counts it.
        }
    }

    private static PunchingPlan? ReadFields(byte[] body)
    {
        MessagePackReader reader = new(body);
        int count = reader.ReadMapHeader();
        if (count > DiscoFields.MaxFields) return null;

        NodeKey sender = default, receiver = default;
        TransportAddress[] addresses = [];
        Span<long> numbers = stackalloc long[(int)Field.IsOver + 1];
        numbers[(int)Field.Counter] = -1;
        for (int i = 0; i < count; i++)
        {
            Field field = (Field)reader.ReadInt32();
            switch (field)
            {
                case Field.Sender: sender = DiscoFields.ReadKey(ref reader); break;
                case Field.Receiver: receiver = DiscoFields.ReadKey(ref reader); break;
                case Field.Addresses: addresses = ReadAddresses(ref reader); break;
                case > Field.Receiver and <= Field.IsOver: numbers[(int)field] = reader.ReadInt64(); break;
                default: reader.Skip(); break; // For later versions.
            }
        }

        long step = numbers[(int)Field.Step], method = numbers[(int)Field.Method], portStep = numbers[(int)Field.PortStep];
        bool isWhole = !sender.IsZero && !receiver.IsZero && numbers[(int)Field.Counter] >= 0
            && step is >= (long)PunchingStep.Offer and <= (long)PunchingStep.Notice
            && method is >= (long)PunchingMethod.Checks and <= (long)PunchingMethod.Blocks
            && portStep is >= short.MinValue and <= short.MaxValue;
        if (!isWhole || !IsPort(numbers[(int)Field.Size]) || !IsPort(numbers[(int)Field.FirstPort]) || !IsPort(numbers[(int)Field.PortCount])) return null;
        if (!DiscoFields.TryTime(numbers[(int)Field.StartsIn], MaxStartsIn, out TimeSpan startsIn)) return null;
        if (!DiscoFields.TryTime(numbers[(int)Field.HeldFor], TimeSpan.MaxValue, out TimeSpan heldFor)) return null;
        return new PunchingPlan
        {
            Sender = sender,
            Receiver = receiver,
            Counter = numbers[(int)Field.Counter],
            Step = (PunchingStep)step,
            Round = numbers[(int)Field.Round],
            Method = (PunchingMethod)method,
            IsSenderHard = numbers[(int)Field.IsSenderHard] == 1,
            Size = (int)numbers[(int)Field.Size],
            Addresses = addresses,
            FirstPort = (ushort)numbers[(int)Field.FirstPort],
            PortStep = (short)portStep,
            PortCount = (int)numbers[(int)Field.PortCount],
            StartsIn = startsIn,
            HeldFor = heldFor,
            OpenerHops = (int)Math.Clamp(numbers[(int)Field.OpenerHops], 0, byte.MaxValue),
            IsOver = numbers[(int)Field.IsOver] == 1,
        };
    }

    private void WriteAddresses(ref MessagePackWriter writer)
    {
        int count = Math.Min(Addresses.Count, MaxAddresses);
        Span<byte> bytes = stackalloc byte[WireAddress.Length];
        writer.WriteArrayHeader(count);
        for (int i = 0; i < count; i++)
        {
            WireAddress.Write(bytes, Addresses[i]);
            writer.Write(bytes);
        }
    }

    private static TransportAddress[] ReadAddresses(ref MessagePackReader reader)
    {
        int count = reader.ReadArrayHeader();
        if (count > MaxAddresses) throw new MessagePackSerializationException($"A plan has at most {MaxAddresses} addresses.");
        TransportAddress[] addresses = new TransportAddress[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySequence<byte>? bytes = reader.ReadBytes();
            if (bytes is not { Length: WireAddress.Length } whole) throw new MessagePackSerializationException("An address has 18 bytes.");
            addresses[i] = WireAddress.Read(whole.ToArray());
        }

        return addresses;
    }

    private static bool IsPort(long value) => value is >= 0 and <= ushort.MaxValue;

    private enum Field
    {
        Sender = 1,
        Receiver = 2,
        Counter = 3,
        Step = 4,
        Round = 5,
        Method = 6,
        IsSenderHard = 7,
        Size = 8,
        Addresses = 9,
        FirstPort = 10,
        PortStep = 11,
        PortCount = 12,
        StartsIn = 13,
        HeldFor = 14,
        OpenerHops = 15,
        IsOver = 16,
    }
}
