using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>
/// Where all TLS connections of a shard read and write: the shard says whose turn it is. Reading takes from the socket, once a turn, straight
/// into OpenSSL's buffer; what OpenSSL writes is gathered behind what is there already, so that many records leave in one send.
/// </summary>
/// <remarks>One for a whole shard, as only one connection of a shard has its turn at a time: a BIO a connection would be memory at rest.</remarks>
internal sealed unsafe class SocketBio : IDisposable
{
    private const int BioTypeSourceSink = 0x0400; // Ours has no number of its own, and nobody asks for it.

    private readonly nint _method;
    private readonly nint _bio;

    public SocketBio(OutBuffer* output)
    {
        Turn = (TurnState*)NativeMemory.AllocZeroed((nuint)sizeof(TurnState));
        Turn->Output = output;
        fixed (byte* name = "relay shard\0"u8) _method = OpenSsl.NewBioMethod(BioTypeSourceSink, name);
        OpenSsl.SetBioRead(_method, &Read);
        OpenSsl.SetBioWrite(_method, &Write);
        OpenSsl.SetBioControl(_method, &Control);
        _bio = OpenSsl.NewBio(_method);
        if (_bio == 0) throw new InvalidOperationException($"OpenSSL makes no BIO: {OpenSsl.LastError()}.");
        OpenSsl.SetBioData(_bio, (nint)Turn);
        OpenSsl.SetBioInit(_bio, 1);
    }

    /// <summary>Whose turn it is.</summary>
    public TurnState* Turn { get; }

    /// <summary>Has a TLS connection read and write here.</summary>
    public void Attach(nint ssl)
    {
        OpenSsl.ReferenceBio(_bio); // One reference for both directions: OpenSSL counts it so where they are the same.
        OpenSsl.SetBio(ssl, _bio, _bio);
    }

    public void Dispose()
    {
        OpenSsl.FreeBio(_bio); // The method is left: OpenSSL may still look at it, and there is one a shard.
        NativeMemory.Free(Turn);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Read(nint bio, byte* buffer, int length)
    {
        TurnState* turn = (TurnState*)OpenSsl.GetBioData(bio);
        OpenSsl.ClearBioFlags(bio, OpenSsl.BioFlagRead | OpenSsl.BioFlagWrite | OpenSsl.BioFlagShouldRetry);
        if (turn->MayReceive)
        {
            turn->MayReceive = false;
            nint received = LibC.Receive(turn->Socket, buffer, (nuint)length, LibC.ReceiveFlags);
            if (received > 0) return (int)received;
            if (received == 0 || Marshal.GetLastPInvokeError() is not (LibC.TryAgain or LibC.Interrupted))
            {
                turn->HasEnded = true;
                return 0;
            }
        }

        OpenSsl.SetBioFlags(bio, OpenSsl.BioFlagRead | OpenSsl.BioFlagShouldRetry);
        return -1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint bio, byte* bytes, int length)
    {
        TurnState* turn = (TurnState*)OpenSsl.GetBioData(bio);
        OpenSsl.ClearBioFlags(bio, OpenSsl.BioFlagRead | OpenSsl.BioFlagWrite | OpenSsl.BioFlagShouldRetry);
        if (turn->Output->TryAppend(bytes, length)) return length;
        OpenSsl.SetBioFlags(bio, OpenSsl.BioFlagWrite | OpenSsl.BioFlagShouldRetry);
        return -1;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Control(nint bio, int command, nint number, nint pointer) =>
        command is OpenSsl.BioControlFlush or OpenSsl.BioControlPush or OpenSsl.BioControlPop ? 1 : 0;

    /// <summary>The connection that has its turn. Native memory: OpenSSL calls back with a pointer to it.</summary>
    [SuppressMessage("Design", "CA1034", Justification = "It is the callbacks' side of the class.")]
    public struct TurnState
    {
        /// <summary>Where what OpenSSL writes is gathered.</summary>
        public OutBuffer* Output;

        /// <summary>The connection's socket.</summary>
        public int Socket;

        /// <summary>Says that the socket may be read: once a turn, for a turn must end, and asking an empty socket is a call for nothing.</summary>
        public bool MayReceive;

        /// <summary>Says that the socket will give nothing more.</summary>
        public bool HasEnded;
    }
}
