using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Core;
using Relay.Server.Telemetry;

namespace Relay.Server.Shards;

/// <content>From a ready socket to runs of frames, which lie where they were read until the end of the round.</content>
internal sealed unsafe partial class Shard
{
    // What a round can read before it has to send. Small enough to stay in a core's second cache.
    private const int ArenaLength = 1 << 20;

    private readonly byte* _arena = (byte*)NativeMemory.AlignedAlloc(ArenaLength, 4096);
    private readonly RoundRuns _runs = new();
    private int _arenaUsed;
    private int _packets;

    // The run that is being gathered: frames of one kind to one receiver, one behind the other.
    private ClientConnection? _runReceiver;
    private PacketRun _run;

    /// <summary>Takes a frame on its way; frames that lie behind one another and go the same way become one run.</summary>
    public void Deliver(ClientConnection receiver, Span<byte> frame, PacketKind kind)
    {
        // The frame lies in the arena, which never moves.
        byte* start = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(frame));
        if (receiver == _runReceiver && kind == _run.Kind && start == _run.Frames + _run.Length)
        {
            _run.Length += frame.Length;
            _run.Packets++;
            return;
        }

        FinishRun();
        _runReceiver = receiver;
        _run = new PacketRun { Frames = start, Length = frame.Length, Packets = 1, Kind = kind };
    }

    private void FinishRun()
    {
        if (_runReceiver is not { } receiver) return;
        _runReceiver = null;
        _packets += _run.Packets;
        if (receiver.Outlet is ShardConnection { IsBlocked: false, State: ShardConnectionState.Client } own && own.Shard == this)
        {
            _runs.Add(own, _run);
            MarkDirty(own);
            return;
        }

        receiver.Queue.EnqueuePackets(new ReadOnlySpan<byte>(_run.Frames, _run.Length), _run.Kind, _now);
        receiver.Shell?.Wake();
    }

    private void HandleReadable(ShardConnection connection)
    {
        bool isNew = connection.State == ShardConnectionState.Handshake || connection.Client.Phase is ConnectionPhase.Head or ConnectionPhase.Login;
        if (isNew) LineUp(connection);
        else Read(connection);
    }

    /// <summary>Reads a connection once, and handles what came.</summary>
    private void Read(ShardConnection connection)
    {
        if (connection.IsKnown && connection.Client.ReadableAt > _now)
        {
            PauseUntilReadable(connection);
            return;
        }

        int room = connection.HeldLength + connection.Engine.MaxReadLength;
        if (ArenaLength - _arenaUsed < room) Flush();
        if (connection.State == ShardConnectionState.Closed) return;

        byte* start = _arena + _arenaUsed;
        if (connection.Held is { } held) held.AsSpan(0, connection.HeldLength).CopyTo(new Span<byte>(start, room));
        int read = connection.Engine.Read(connection, start + connection.HeldLength, out ReadState state);
        int length = connection.HeldLength + read;
        _arenaUsed += length;
        SendNow(connection); // What TLS itself has to say.
        if (read > 0 && connection.State != ShardConnectionState.Closed) Handle(connection, new Span<byte>(start, length));
        if (state == ReadState.Ended) HandleEnd(connection);
    }

    /// <summary>Handles what is held once more, where something else than input has changed.</summary>
    private void HandleHeld(ShardConnection connection)
    {
        int length = connection.HeldLength;
        if (ArenaLength - _arenaUsed < length) Flush();
        if (connection.State != ShardConnectionState.Client) return;
        Span<byte> input = new(_arena + _arenaUsed, length);
        connection.Held.AsSpan(0, length).CopyTo(input);
        _arenaUsed += length;
        Handle(connection, input);
    }

    private void Handle(ShardConnection connection, Span<byte> input)
    {
        if (connection.State == ShardConnectionState.Web)
        {
            if (!connection.Web!.Push(input)) PauseReading(connection);
            return;
        }

        ClientConnection client = connection.Client;
        int consumed = Receive(client, input);
        while (client.HasLoginRequest && IsAdmissionAnswered(connection)) consumed += Receive(client, input[consumed..]);
        Span<byte> rest = input[consumed..];
        if (connection.IsKnown && client.IsLoggedIn && rest.Length == 0 && connection.Held is null) return; // Nearly always.

        switch (client.Phase)
        {
            case ConnectionPhase.Closed:
                Close(connection, client.CloseReason);
                return;
            case ConnectionPhase.OtherHttp:
                HandOver(connection, rest);
                ReleaseHeld(connection);
                return;
            case ConnectionPhase.Open or ConnectionPhase.Quarantined when !connection.IsKnown:
                HandleLogin(connection);
                if (connection.State == ShardConnectionState.Closed) return;
                break;
            case ConnectionPhase.Admission:
            case ConnectionPhase.Login:
                MarkDirty(connection); // The greeting.
                break;
            default:
                break;
        }

        Hold(connection, rest);
    }

    private int Receive(ClientConnection client, Span<byte> input)
    {
        int consumed = client.Receive(input, _now, _woken);
        FinishRun();
        DrainWoken();
        return consumed;
    }

    private void HandleEnd(ShardConnection connection)
    {
        // A browser may close its half and still want the answer; a relay client that says nothing more is gone.
        // What is reported of it once more is that both halves are closed.
        if (connection.State == ShardConnectionState.Web && (connection.Interest & LibC.EpollIn) != 0)
        {
            connection.Web!.EndInput();
            PauseReading(connection);
            return;
        }

        if (connection.Client.IsLoggedIn && connection.State == ShardConnectionState.Client)
        {
            // What waits for it still goes, as far as the socket takes it: the client may have closed its half only.
            connection.Client.Leave(_woken);
            DrainWoken();
            FinishRun();
            Flush(connection);
        }

        if (connection.State == ShardConnectionState.Handshake) RelayLog.TlsFailed(_services.Log, "the connection broke");
        Close(connection, CloseReason.ClientLeft);
    }

    /// <summary>The client has sent more than it may: what it sends now waits in its own socket, and nothing is lost.</summary>
    private void PauseUntilReadable(ShardConnection connection)
    {
        PauseReading(connection);
        connection.Client.CountPause(_now);
        connection.Pause ??= new ReadingPause(connection);
        _pauses.Set(connection.Pause, connection.Client.ReadableAt);
    }

    private void PauseReading(ShardConnection connection) => Watch(connection, connection.Interest & ~LibC.EpollIn);

    private void ResumeReading(ShardConnection connection)
    {
        if (connection.State != ShardConnectionState.Closed) Watch(connection, connection.Interest | LibC.EpollIn);
    }

    private void Watch(ShardConnection connection, int interest)
    {
        if (connection.Interest == interest) return;
        connection.Interest = interest;
        _epoll.Modify(connection.Socket, connection.Token, interest);
    }

    private void DrainWoken()
    {
        if (_woken.Count == 0) return;
        foreach (ClientConnection woken in _woken) woken.Shell?.Wake();
        _woken.Clear();
    }

    /// <summary>Keeps what is not a whole frame yet, in a buffer that is rented for no longer than that.</summary>
    private void Hold(ShardConnection connection, ReadOnlySpan<byte> rest)
    {
        if (rest.IsEmpty || connection.Held?.Length < rest.Length) ReleaseHeld(connection);
        if (rest.IsEmpty) return;
        connection.Held ??= _services.Router.QueueMemory.TryRentInput(Math.Min(rest.Length * 2, ClientConnection.MaxInputLength));
        if (connection.Held is null)
        {
            Close(connection, CloseReason.MemoryFull);
            return;
        }

        rest.CopyTo(connection.Held);
        connection.HeldLength = rest.Length;
    }

    private void ReleaseHeld(ShardConnection connection)
    {
        if (connection.Held is { } held) _services.Router.QueueMemory.ReturnInput(held);
        connection.Held = null;
        connection.HeldLength = 0;
    }
}
