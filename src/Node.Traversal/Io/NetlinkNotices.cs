using System.Runtime.InteropServices;
using Node.Traversal.Messages;

namespace Node.Traversal.Io;

/// <summary>
/// Hears from the Linux kernel that an interface, an address or a route has changed (rtnetlink). What has changed is looked up elsewhere:
/// here it is only told that something has, and notices that the kernel had to drop count as one.
/// </summary>
internal sealed unsafe partial class NetlinkNotices : IDisposable
{
    private const int AddressFamilyNetlink = 16; // Linux's numbers.
    private const int SockRaw = 3;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int NetlinkRoute = 0;
    private const int NoBufferSpace = 105;
    private const int Interrupted = 4;
    private const int TryAgain = 11;
    private const short PollIn = 1;
    private const int BufferLength = 8192; // A page of notices, as the kernel makes them.
    private const uint Groups = (1 << 0) | (1 << 4) | (1 << 6) | (1 << 8) | (1 << 10); // Links; IPv4 addresses and routes; IPv6 addresses and routes.

    private readonly int _socket;
    private readonly int _stopReader;
    private readonly int _stopWriter;
    private readonly Action _handle;
    private readonly Thread _thread;

    private NetlinkNotices(int socket, int stopReader, int stopWriter, Action handle)
    {
        _socket = socket;
        _stopReader = stopReader;
        _stopWriter = stopWriter;
        _handle = handle;
        _thread = new Thread(Run) { Name = "node-links", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Starts listening; null where the system has no such thing or does not let us.</summary>
    /// <param name="handle">Told of each batch of notices, on a thread of its own.</param>
    public static NetlinkNotices? Open(Action handle)
    {
        if (!OperatingSystem.IsLinux()) return null;
        int descriptor = socket(AddressFamilyNetlink, SockRaw | CloseOnExec | NonBlocking, NetlinkRoute);
        if (descriptor < 0) return null;
        NetlinkAddress address = new() { Family = AddressFamilyNetlink, Groups = Groups };
        int* ends = stackalloc int[2];
        if (bind(descriptor, &address, sizeof(NetlinkAddress)) != 0 || pipe2(ends, CloseOnExec) != 0)
        {
            _ = close(descriptor);
            return null;
        }

        return new NetlinkNotices(descriptor, ends[0], ends[1], handle);
    }

    public void Dispose()
    {
        _ = close(_stopWriter); // The other end becomes readable: the thread ends.
        _thread.Join();
        _ = close(_stopReader);
        _ = close(_socket);
    }

    private void Run()
    {
        byte[] buffer = new byte[BufferLength];
        PollEntry* entries = stackalloc PollEntry[2];
        entries[0] = new PollEntry { Descriptor = _socket, Events = PollIn };
        entries[1] = new PollEntry { Descriptor = _stopReader, Events = PollIn };
        while (true)
        {
            int ready = poll(entries, 2, -1);
            if (ready < 0 && Marshal.GetLastPInvokeError() != Interrupted) return; // The look now and then remains.
            if (ready > 0 && entries[1].Found != 0) return;
            if (ready > 0 && entries[0].Found != 0 && !TryReceive(buffer)) return;
        }
    }

    private bool TryReceive(byte[] buffer)
    {
        nint length;
        int error = 0;
        fixed (byte* start = buffer)
        {
            length = recv(_socket, start, BufferLength, 0);
            if (length < 0) error = Marshal.GetLastPInvokeError();
        }

        // Where the kernel had more to say than there was room for, something has certainly changed.
        if (error == NoBufferSpace || (length > 0 && NetlinkMessage.TellsOfChange(buffer.AsSpan(0, (int)length)))) _handle();
        return length > 0 || error is NoBufferSpace or Interrupted or TryAgain;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int descriptor, NetlinkAddress* address, int length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int pipe2(int* descriptors, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollEntry* entries, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recv(int descriptor, byte* buffer, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    /// <summary><c>struct sockaddr_nl</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct NetlinkAddress
    {
        public ushort Family;
        public ushort Padding;
        public uint PortId;
        public uint Groups;
    }

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Found;
    }
}
