using System.Text;
using Node.Traversal;
using Node.Traversal.Messages;

namespace Fuzz;

/// <summary>A name server's answer: addresses of the type that was asked for, few, and no more than the message has room for.</summary>
internal static class DnsAnswerTarget
{
    private const int RecordLength = 12; // A pointer for a name, type, class, time to live and length; no record is shorter.
    private const int MostAddresses = 16;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ushort id = input.Length < 2 ? (ushort)0 : (ushort)((input[0] << 8) | input[1]);
        foreach (ushort type in (ReadOnlySpan<ushort>)[DnsMessage.TypeA, DnsMessage.TypeAaaa])
        {
            bool isAnswer = DnsMessage.TryReadAnswer(input, id, type, out Addresses.TransportAddress[] addresses);
            FuzzException.Unless(isAnswer || addresses.Length == 0, "Addresses of no answer.");
            FuzzException.Unless(addresses.Length <= Math.Min(MostAddresses, input.Length / RecordLength), "More addresses than there is room for.");
            FuzzException.Unless(Array.TrueForAll(addresses, address => address.IsValid && address.Port == 0), "An address that is none.");
            if (type == DnsMessage.TypeA) FuzzException.Unless(Array.TrueForAll(addresses, address => address.IsIpv4), "An address of another type.");
            if (isAnswer) FuzzException.Unless(!DnsMessage.TryReadAnswer(input, (ushort)(id ^ 1), type, out _), "An answer to another query.");
        }
    }
}

/// <summary>What the kernel says of its links: that there is a change is never read off less than a header, and what was read stays read.</summary>
internal static class NetlinkTarget
{
    private const int HeaderLength = 16;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool tells = NetlinkMessage.TellsOfChange(input);
        FuzzException.Unless(!tells || input.Length >= HeaderLength, "A change without a message.");
        if (tells) FuzzException.Unless(NetlinkMessage.TellsOfChange([.. input, .. new byte[HeaderLength]]), "A change that more bytes undo.");
    }
}

/// <summary>A relay map from a file or a web server: it is read, or refused with a sentence; what is read names each region once.</summary>
internal static class RelayMapTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        try
        {
            RelayMap map = RelayMap.Parse(Encoding.UTF8.GetString(input));
            FuzzException.Unless(map.Regions.DistinctBy(region => region.Id).Count() == map.Regions.Count, "A region that is there twice.");
            FuzzException.Unless(map.Regions.All(region => region.Id > 0 && map.Find(region.Id) == region), "A region that is not found.");
            FuzzException.Unless(map.Regions.All(region => region.Nodes.All(node => node.HostName.Length > 0)), "A relay without a name.");
        }
        catch (FormatException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }
    }
}
