using System.Buffers.Binary;
using Addresses;
using Node.Traversal.Core.PortMapping;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>A gateway in memory that answers, in IPv4 or IPv6, a <see cref="PortMapper"/> as it is told to: well, badly, or not at all.</summary>
internal sealed class SimGateway
{
    public static readonly TransportAddress Gateway = Address("192.168.1.1:5351");
    public static readonly TransportAddress Local = Address("192.168.1.10:5000");
    public static readonly TransportAddress Gateway6 = Address("[fe80::1]:5351");
    public static readonly TransportAddress Local6 = Address("[2001:db8:1::10]:5000");

    private readonly TransportAddress _gateway;
    private readonly TransportAddress _local;
    private Instant _bootedAt = Start - TimeSpan.FromSeconds(5000);

    public SimGateway(int seed = 1, bool isIpv6 = false)
    {
        Mapper = new PortMapper(Entropy(seed));
        _gateway = isIpv6 ? Gateway6 : Gateway;
        _local = isIpv6 ? Local6 : Local;
        if (isIpv6) External = Local6;
        Igd = new SimIgd(_gateway);
    }

    public PortMapper Mapper { get; }
    public Instant Now { get; private set; } = Start;
    public bool HasPcp { get; set; } = true;
    public bool HasNatPmp { get; set; } = true;
    public TransportAddress External { get; set; } = Address("198.51.100.7:40000");

    /// <summary>Its UPnP; off unless a test turns it on.</summary>
    public SimIgd Igd { get; }

    /// <summary>Searches that went out.</summary>
    public List<UpnpSearch> Searches { get; } = [];

    public uint Lifetime { get; set; } = 7200;
    public byte Result { get; set; }
    public List<byte[]> Received { get; } = [];

    /// <summary>Every MAP of either protocol that came.</summary>
    public IEnumerable<byte[]> Maps => Received.Where(request => request[1] == 1);

    public void Connect()
    {
        Mapper.HandleNetwork(_gateway.WithPort(0), _local, Now);
        Exchange();
    }

    public void Reboot() => _bootedAt = Now;

    /// <summary>Lets time pass, waking the mapper when it wants to be.</summary>
    public void Pass(TimeSpan span)
    {
        Instant end = Now + span;
        while (Mapper.NextTimeout is { } next && next <= end)
        {
            Now = Instant.Max(next, Now);
            Mapper.HandleTimeout(Now);
            Exchange();
        }

        Now = end;
    }

    public void Exchange()
    {
        bool isMore = true;
        while (isMore)
        {
            isMore = false;
            while (Mapper.TryDequeueTransmit(out byte[] request))
            {
                isMore = true;
                Received.Add(request);
                if (Answer(request) is { } answer) Mapper.HandleDatagram(_gateway, answer, Now);
            }

            while (Mapper.TryDequeueSearch(out UpnpSearch search))
            {
                isMore = true;
                Searches.Add(search);
                foreach ((TransportAddress source, byte[] answer) in Igd.Answers()) Mapper.HandleSearchAnswer(source, answer, Now);
            }

            while (Mapper.TryDequeueRequest(out UpnpRequest? request))
            {
                isMore = true;
                Mapper.HandleReply(request.Id, Igd.Answer(request), Now);
            }
        }
    }

    /// <summary>The answer of an honest gateway; null where it does not speak that.</summary>
    public byte[]? Answer(byte[] request)
    {
        uint epoch = (uint)(Now - _bootedAt).TotalSeconds;
        if (request[0] == 2) return HasPcp ? AnswerPcp(request, epoch) : null;
        if (!HasNatPmp) return null;
        byte[] answer = new byte[request.Length == 2 ? 12 : 16];
        answer[1] = (byte)(request[1] | 0x80);
        answer[3] = Result;
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), epoch);
        if (request.Length == 2)
        {
            BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), External.Ipv4Bits);
            return answer;
        }

        request.AsSpan(4, 2).CopyTo(answer.AsSpan(8));
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(10), External.Port);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(12), IsDeletion(request) ? 0 : Lifetime);
        return answer;
    }

    public static bool IsDeletion(byte[] map) => BinaryPrimitives.ReadUInt32BigEndian(map.AsSpan(map[0] == 2 ? 4 : 8)) == 0;

    private byte[] AnswerPcp(byte[] request, uint epoch)
    {
        byte[] answer = [.. request];
        answer[1] |= 0x80;
        answer[3] = Result;
        answer.AsSpan(8, 16).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(8), epoch);
        if (request.Length < 60) return answer;
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(4), IsDeletion(request) ? 0 : Lifetime);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(42), External.Port);
        External.WriteBytes16(answer.AsSpan(44));
        return answer;
    }
}
