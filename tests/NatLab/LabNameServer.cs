using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NatLab;

/// <summary>The name server of a network with a NAT64: it knows <c>ipv4only.arpa</c> (RFC 7050), by the NAT64's addresses alone, and no other name.</summary>
internal sealed class LabNameServer : IDisposable
{
    private const int DnsPort = 53;
    private const int HeaderLength = 12, QuestionEndLength = 4; // Of a question: type and class, behind the name.
    private const ushort TypeAaaa = 28;
    private const ushort AnswerFlags = 0x8180; // An answer, with recursion.
    private const ushort PointerToQuestion = 0xc000 | HeaderLength;
    private const uint TimeToLiveSeconds = 60;
    private static readonly byte[] Name = Encoding.ASCII.GetBytes("\u0008ipv4only\u0004arpa\0");

    private readonly Socket _socket;
    private readonly IReadOnlyList<IPAddress> _addresses;

    /// <summary>Starts answering.</summary>
    /// <param name="where">The namespace.</param>
    /// <param name="address">The address to answer at.</param>
    /// <param name="addresses">What it gives for the name.</param>
    public LabNameServer(NetworkNamespace where, string address, params IReadOnlyList<IPAddress> addresses)
    {
        _addresses = addresses;
        _socket = where.Enter(() =>
        {
            Socket socket = new(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(address), DnsPort));
            return socket;
        });
        _ = ServeAsync();
    }

    public void Dispose() => _socket.Dispose();

    private async Task ServeAsync()
    {
        byte[] query = new byte[512]; // As long as a query over UDP may be (RFC 1035 §4.2.1).
        try
        {
            while (true)
            {
                SocketReceiveFromResult received = await _socket.ReceiveFromAsync(query, new IPEndPoint(IPAddress.IPv6Any, 0));
                if (Answer(query.AsSpan(0, received.ReceivedBytes)) is { } answer) await _socket.SendToAsync(answer, received.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return; // The lab has ended.
        }
    }

    private byte[]? Answer(ReadOnlySpan<byte> query)
    {
        int nameEnd = HeaderLength + query[Math.Min(HeaderLength, query.Length)..].IndexOf((byte)0) + 1;
        if (nameEnd <= HeaderLength || query.Length < nameEnd + QuestionEndLength) return null;
        bool isKnown = Ascii.EqualsIgnoreCase(query[HeaderLength..nameEnd], Name) && BinaryPrimitives.ReadUInt16BigEndian(query[nameEnd..]) == TypeAaaa;
        IReadOnlyList<IPAddress> found = isKnown ? _addresses : [];

        using MemoryStream answer = new();
        answer.Write(query[..2]);
        foreach (ushort word in new[] { AnswerFlags, (ushort)1, (ushort)found.Count, (ushort)0, (ushort)0 }) Write(answer, word);
        answer.Write(query[HeaderLength..(nameEnd + QuestionEndLength)]);
        foreach (IPAddress address in found)
        {
            foreach (ushort word in new[] { PointerToQuestion, TypeAaaa, (ushort)1, (ushort)(TimeToLiveSeconds >> 16), (ushort)TimeToLiveSeconds, (ushort)16 }) Write(answer, word);
            answer.Write(address.GetAddressBytes());
        }

        return answer.ToArray();
    }

    private static void Write(MemoryStream answer, ushort word)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, word);
        answer.Write(bytes);
    }
}
