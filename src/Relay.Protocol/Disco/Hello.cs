using System.Buffers;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>
/// Hello: who a node is since its last start. Sealed between node keys, by relay only: type 0x40, version 0, then a MessagePack map with
/// small integer keys. It binds the disco key, under which all else is sealed, to the node key.
/// </summary>
/// <remarks>
/// Sender and receiver stand inside the box, because a box opens both ways; start and counter only grow, so nothing old counts again; and
/// the echo proves to the receiver that the sender lives now, for it was made after the receiver's own start. Where a sender's clock has gone
/// back, so that its start seems an earlier one, the echo of one Hello of the receiver's proves the same.
/// </remarks>
public sealed record Hello
{
    /// <summary>The longest message we read, in bytes; ours have about 300.</summary>
    public const int MaxLength = 1024;

    private const int PrefixLength = 2;

    /// <summary>The node that says this.</summary>
    public required NodeKey Sender { get; init; }

    /// <summary>The node this is for.</summary>
    public required NodeKey Receiver { get; init; }

    /// <summary>The sender's start: microseconds since 1970, and later than at any start before.</summary>
    public required long StartedAt { get; init; }

    /// <summary>Counts the Hellos since that start, over all receivers.</summary>
    public required long Counter { get; init; }

    /// <summary>The disco key made at that start.</summary>
    public required DiscoKey DiscoKey { get; init; }

    /// <summary>The receiver's disco key as last heard; null where none was.</summary>
    public DiscoKey? Echo { get; init; }

    /// <summary>Says that the sender waits for the receiver's own Hello.</summary>
    public bool AsksForAnswer { get; init; }

    /// <summary>The region of the relay map where the sender is at home; 0 where it has none yet.</summary>
    public int HomeRegion { get; init; }

    /// <summary>What the sender knows of its NAT for IPv4, or for IPv6 where it has no IPv4.</summary>
    public NatProfile Nat { get; init; }

    /// <summary>What the sender knows of its NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 { get; init; }

    /// <summary>The counter of the receiver's latest Hello as heard here; null where none was heard since its start.</summary>
    public long? EchoOf { get; init; }

    /// <summary>How long ago that one came: what is left of the time since it was sent is the relayed round trip.</summary>
    public TimeSpan EchoHeldFor { get; init; }

    /// <summary>The highest version of <see cref="PunchingPlan"/> that the sender understands; 0 = it takes none.</summary>
    public int Plans { get; init; }

    /// <summary>
    /// How far the sender is from the relays it can reach, the nearest first; empty where it does not know yet. At most
    /// <see cref="RegionLatency.MaxRegions"/>; more are not told, and not heard. The sender's word, and no proof.
    /// </summary>
    public IReadOnlyList<RegionLatency> Latencies { get; init; } = [];

    /// <summary>Makes the whole message.</summary>
    public byte[] ToMessage()
    {
        ArrayBufferWriter<byte> buffer = new(256);
        buffer.Write<byte>([(byte)DiscoMessageType.Hello, 0]);
        MessagePackWriter writer = new(buffer);
        writer.WriteMapHeader(9 + (Echo is null ? 0 : 1) + (EchoOf is null ? 0 : 2) + (Plans == 0 ? 0 : 1) + (Latencies.Count == 0 ? 0 : 1));
        DiscoFields.WriteKey(ref writer, (int)Field.Sender, Sender);
        DiscoFields.WriteKey(ref writer, (int)Field.Receiver, Receiver);
        DiscoFields.WriteNumber(ref writer, (int)Field.StartedAt, StartedAt);
        DiscoFields.WriteNumber(ref writer, (int)Field.Counter, Counter);
        DiscoFields.WriteKey(ref writer, (int)Field.DiscoKey, DiscoKey.Value);
        if (Echo is { } echo) DiscoFields.WriteKey(ref writer, (int)Field.Echo, echo.Value);
        DiscoFields.WriteNumber(ref writer, (int)Field.HomeRegion, HomeRegion);
        writer.Write((int)Field.Nat);
        NatProfileMap.Write(ref writer, Nat);
        writer.Write((int)Field.NatIpv6);
        NatProfileMap.Write(ref writer, NatIpv6);
        writer.Write((int)Field.AsksForAnswer);
        writer.Write(AsksForAnswer);
        if (EchoOf is { } echoOf)
        {
            DiscoFields.WriteNumber(ref writer, (int)Field.EchoOf, echoOf);
            DiscoFields.WriteNumber(ref writer, (int)Field.EchoHeldFor, DiscoFields.Microseconds(EchoHeldFor));
        }

        if (Plans != 0) DiscoFields.WriteNumber(ref writer, (int)Field.Plans, Plans);
        if (Latencies.Count != 0)
        {
            writer.Write((int)Field.Latencies);
            RegionLatencyMap.Write(ref writer, Latencies);
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a message whose type is known to be Hello.</summary>
    /// <returns>False where it is malformed, over <see cref="MaxLength"/>, of another version, or lacks a field every Hello has.</returns>
    public static bool TryRead(ReadOnlySpan<byte> message, out Hello? hello)
    {
        hello = null;
        if (message.Length is <= PrefixLength or > MaxLength || message[1] != 0) return false;
        try
        {
            hello = ReadFields(message[PrefixLength..].ToArray());
            return hello is not null;
        }
        catch (Exception exception) when (DiscoFields.IsNonsense(exception))
        {
            return false;
        }
    }

    private static Hello? ReadFields(byte[] body)
    {
        MessagePackReader reader = new(body);
        int count = reader.ReadMapHeader();
        if (count > DiscoFields.MaxFields) return null;

        NodeKey sender = default, receiver = default, disco = default, echo = default;
        long startedAt = 0, counter = -1, home = 0, echoOf = -1, heldFor = 0, plans = 0;
        NatProfile nat = default, natIpv6 = default;
        IReadOnlyList<RegionLatency> latencies = [];
        bool asks = false;
        for (int i = 0; i < count; i++)
        {
            switch ((Field)reader.ReadInt32())
            {
                case Field.Sender: sender = DiscoFields.ReadKey(ref reader); break;
                case Field.Receiver: receiver = DiscoFields.ReadKey(ref reader); break;
                case Field.StartedAt: startedAt = reader.ReadInt64(); break;
                case Field.Counter: counter = reader.ReadInt64(); break;
                case Field.DiscoKey: disco = DiscoFields.ReadKey(ref reader); break;
                case Field.Echo: echo = DiscoFields.ReadKey(ref reader); break;
                case Field.HomeRegion: home = reader.ReadInt64(); break;
                case Field.Nat: nat = NatProfileMap.Read(ref reader); break;
                case Field.NatIpv6: natIpv6 = NatProfileMap.Read(ref reader); break;
                case Field.AsksForAnswer: asks = reader.ReadBoolean(); break;
                case Field.EchoOf: echoOf = reader.ReadInt64(); break;
                case Field.EchoHeldFor: heldFor = reader.ReadInt64(); break;
                case Field.Plans: plans = reader.ReadInt64(); break;
                case Field.Latencies: latencies = RegionLatencyMap.Read(ref reader); break;
                default: reader.Skip(); break; // For later versions.
            }
        }

        bool isWhole = !sender.IsZero && !receiver.IsZero && !disco.IsZero && startedAt > 0 && counter >= 0 && home is >= 0 and <= int.MaxValue;
        bool isTimed = DiscoFields.TryTime(heldFor, TimeSpan.MaxValue, out TimeSpan echoHeldFor);
        return !isWhole || !isTimed ? null : new Hello
        {
            Sender = sender,
            Receiver = receiver,
            StartedAt = startedAt,
            Counter = counter,
            DiscoKey = new DiscoKey(disco),
            Echo = echo.IsZero ? null : new DiscoKey(echo),
            AsksForAnswer = asks,
            HomeRegion = (int)home,
            Nat = nat,
            NatIpv6 = natIpv6,
            EchoOf = echoOf >= 0 ? echoOf : null,
            EchoHeldFor = echoOf >= 0 ? echoHeldFor : default,
            Plans = (int)Math.Clamp(plans, 0, byte.MaxValue),
            Latencies = latencies,
        };
    }

    private enum Field
    {
        Sender = 1,
        Receiver = 2,
        StartedAt = 3,
        Counter = 4,
        DiscoKey = 5,
        Echo = 6,
        HomeRegion = 7,
        Nat = 8,
        NatIpv6 = 9,
        AsksForAnswer = 10,
        EchoOf = 11,
        EchoHeldFor = 12,
        Plans = 13,
        Latencies = 30,
    }
}
