using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary><c>struct iovec</c>: 16 bytes on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVector
{
    public nint Base;
    public nuint Length;
}

/// <summary><c>struct mmsghdr</c> with the <c>msghdr</c> inside it: 64 bytes on 64-bit Linux, x64 and arm64 alike.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MessageHeader
{
    public nint Name;
    public uint NameLength;
    public nint IoVectors;
    public nuint IoVectorCount;
    public nint Control;
    public nuint ControlLength;
    public nint Flags; // An int, and the padding at the end of the msghdr.
    public uint ReceivedLength;
}
