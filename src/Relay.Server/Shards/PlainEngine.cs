using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>No TLS: bytes pass as they are.</summary>
internal sealed unsafe class PlainEngine(OutBuffer* output) : IEngine
{
    public int MaxReadLength => 64 << 10;

    public bool TryOpen(ShardConnection connection) => true;

    public HandshakeState Handshake(ShardConnection connection) => HandshakeState.Done;

    public int Read(ShardConnection connection, byte* buffer, out ReadState state)
    {
        nint received = LibC.Receive(connection.Socket, buffer, (nuint)MaxReadLength, LibC.ReceiveFlags);
        bool isOpen = received > 0 || (received < 0 && Marshal.GetLastPInvokeError() is LibC.TryAgain or LibC.Interrupted);
        state = isOpen ? ReadState.Open : ReadState.Ended;
        return Math.Max(0, (int)received);
    }

    public bool TrySeal(ShardConnection connection, byte* bytes, int length) => output->TryAppend(bytes, length);

    public int MaxSealedLength(int length) => length;

    public void Finish(ShardConnection connection)
    {
        // Plain TCP has no word for good-bye but the end itself.
    }

    public void Free(ShardConnection connection)
    {
        // Nothing is held.
    }
}
