using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NatLab.Wire;

/// <summary>An interface, taken whole: every frame that arrives there is read, and frames are sent out by it (packet(7)).</summary>
internal sealed class PacketPort : IDisposable
{
    /// <summary>The longest thing read: a super-frame of a whole send, with its virtio header.</summary>
    public const int MaxFrameLength = 70_000;

    private const int PacketLevel = 263; // SOL_PACKET.
    private const int VirtioHeaders = 15; // PACKET_VNET_HDR: frames keep their unfinished checksums and segments, and pass as they are.
    private const int IgnoreOutgoing = 23; // PACKET_IGNORE_OUTGOING: what we send ourselves is not read back.
    private const int BufferBytes = 8 << 20;
    private const ushort AllProtocols = 3; // ETH_P_ALL.

    private readonly Socket _socket;

    private PacketPort(Socket socket) => _socket = socket;

    /// <summary>Opens an interface of this namespace.</summary>
    /// <exception cref="IOException">There is no such interface.</exception>
    /// <exception cref="SocketException">Not permitted.</exception>
    public static PacketPort Open(string name)
    {
        int index = int.Parse(File.ReadAllText($"/sys/class/net/{name}/ifindex"), CultureInfo.InvariantCulture);
        Socket socket = new(AddressFamily.Packet, SocketType.Raw, (ProtocolType)BinaryPrimitives.ReverseEndianness(AllProtocols));
        socket.SetRawSocketOption(PacketLevel, VirtioHeaders, BitConverter.GetBytes(1));
        socket.SetRawSocketOption(PacketLevel, IgnoreOutgoing, BitConverter.GetBytes(1));
        socket.ReceiveBufferSize = BufferBytes;
        socket.SendBufferSize = BufferBytes;
        socket.Bind(new LinkEndPoint(index));
        return new PacketPort(socket);
    }

    public int Receive(Span<byte> buffer) => _socket.Receive(buffer);

    /// <summary>Sends a frame; one that the interface refuses is lost, as on any cable.</summary>
    public void Send(ReadOnlySpan<byte> frame) => _ = _socket.Send(frame, SocketFlags.None, out _);

    public void Dispose() => _socket.Dispose();

    /// <summary>A sockaddr_ll: family and protocol (16 bits each), the interface's index (32 bits), and 12 bytes that a bind leaves empty.</summary>
    private sealed class LinkEndPoint(int index) : EndPoint
    {
        private const int Length = 20;

        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            SocketAddress address = new(AddressFamily.Packet, Length);
            BinaryPrimitives.WriteUInt16BigEndian(address.Buffer.Span[2..], AllProtocols);
            BinaryPrimitives.WriteInt32LittleEndian(address.Buffer.Span[4..], index);
            return address;
        }
    }
}
