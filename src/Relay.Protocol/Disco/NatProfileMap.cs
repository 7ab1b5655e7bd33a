using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>A NAT profile on the wire: a MessagePack map with small integer keys, what is not known left out. Unknown keys are skipped.</summary>
internal static class NatProfileMap
{
    private const int MaxFields = 32;

    public static void Write(ref MessagePackWriter writer, NatProfile profile)
    {
        ReadOnlySpan<(Field Field, long Value)> fields =
        [
            (Field.Mapping, (long)profile.Mapping),
            (Field.Udp, (long)profile.Udp),
            (Field.Filtering, (long)profile.Filtering),
            (Field.Allocation, (long)profile.Allocation),
            (Field.PortStep, profile.PortStep),
            (Field.LowestPort, profile.LowestPort),
            (Field.HighestPort, profile.HighestPort),
            (Field.Hairpins, profile.Hairpins switch { null => 0, false => 1, true => 2 }),
            (Field.Lifetime, profile.LifetimeSeconds),
            (Field.IsNested, profile.IsNested ? 1 : 0),
            (Field.IsCarrierGrade, profile.IsCarrierGrade ? 1 : 0),
            (Field.OffersPortMapping, profile.OffersPortMapping ? 1 : 0),
        ];
        int known = 0;
        foreach ((_, long value) in fields) known += value != 0 ? 1 : 0;
        writer.WriteMapHeader(known);
        foreach ((Field field, long value) in fields)
        {
            if (value == 0) continue;
            writer.Write((int)field);
            writer.Write(value);
        }
    }

    /// <summary>Reads what <see cref="Write"/> has written. A value that means nothing to us counts as not known.</summary>
    /// <exception cref="MessagePackSerializationException">It is no such map.</exception>
    public static NatProfile Read(ref MessagePackReader reader)
    {
        int count = reader.ReadMapHeader();
        if (count > MaxFields) throw new MessagePackSerializationException($"A NAT profile has at most {MaxFields} fields.");

        NatProfile profile = default;
        for (int i = 0; i < count; i++)
        {
            Field field = (Field)reader.ReadInt32();
            if (field is < Field.Mapping or > Field.OffersPortMapping)
            {
                reader.Skip(); // For later versions.
                continue;
            }

            long value = reader.ReadInt64();
            profile = field switch
            {
                Field.Mapping => profile with { Mapping = value is >= 0 and <= 4 ? (NatMapping)value : NatMapping.Unknown },
                Field.Udp => profile with { Udp = value is >= 0 and <= 2 ? (UdpReach)value : UdpReach.Unknown },
                Field.Filtering => profile with { Filtering = value is >= 0 and <= 3 ? (NatFiltering)value : NatFiltering.Unknown },
                Field.Allocation => profile with { Allocation = value is >= 0 and <= 3 ? (NatPortAllocation)value : NatPortAllocation.Unknown },
                Field.PortStep => profile with { PortStep = value is >= short.MinValue and <= short.MaxValue ? (short)value : (short)0 },
                Field.LowestPort => profile with { LowestPort = Port(value) },
                Field.HighestPort => profile with { HighestPort = Port(value) },
                Field.Hairpins => profile with { Hairpins = value switch { 1 => false, 2 => true, _ => null } },
                Field.Lifetime => profile with { LifetimeSeconds = Port(value) },
                Field.IsNested => profile with { IsNested = value == 1 },
                Field.IsCarrierGrade => profile with { IsCarrierGrade = value == 1 },
                _ => profile with { OffersPortMapping = value == 1 },
            };
        }

        // Services' ports are no part of a block, whatever a peer says: what is left of it must be one.
        ushort lowest = Math.Max(profile.LowestPort, NatProfile.LowestUsablePort);
        bool isBlock = profile.LowestPort != 0 && lowest <= profile.HighestPort;
        return profile with { LowestPort = isBlock ? lowest : (ushort)0, HighestPort = isBlock ? profile.HighestPort : (ushort)0 };
    }

    private static ushort Port(long value) => value is >= 0 and <= ushort.MaxValue ? (ushort)value : (ushort)0;

    private enum Field
    {
        Mapping = 1,
        Udp = 2,
        Filtering = 3,
        Allocation = 4,
        PortStep = 5,
        LowestPort = 6,
        HighestPort = 7,
        Hairpins = 8,
        Lifetime = 9,
        IsNested = 10,
        IsCarrierGrade = 11,
        OffersPortMapping = 12,
    }
}
