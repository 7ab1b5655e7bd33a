using System.Buffers;
using System.Runtime.InteropServices;
using Relay.Protocol.Frames;
using Relay.Server.Core;

namespace Relay.Server.Shards;

/// <content>From queues and runs to one send a destination and round. What a socket refuses is kept as it was sealed; all behind it waits in the queue.</content>
internal sealed unsafe partial class Shard
{
    /// <summary>With as much sealed it is sent: the round need not be over.</summary>
    private const int SendLength = 128 << 10;

    private const int ScratchLength = 128 << 10; // More than one longest frame.

    /// <summary>As much at once for a client that takes slowly: what has left the queue is past fairness and ageing.</summary>
    private const int SlowSendLength = 16 << 10;

    /// <summary>Runs below this are brought together before they are sealed: a copy costs less than a record.</summary>
    private const int ShortRunLength = 4 << 10;

    /// <summary>What may wait sealed for a client that takes nothing, while TLS itself answers it: more, and it goes.</summary>
    private const int MaxUnsentLength = 1 << 20;

    private readonly byte[] _scratch = GC.AllocateUninitializedArray<byte>(ScratchLength, pinned: true);
    private int _sends;

    /// <summary>Sends to everyone who got something, and lets go of what was read.</summary>
    private void Flush()
    {
        for (int i = 0; i < _dirty.Count; i++) Flush(_dirty[i]); // It may grow meanwhile: someone who is closed is told of to others.
        _dirty.Clear();
        _runs.Clear();
        _arenaUsed = 0;
    }

    private void Flush(ShardConnection connection)
    {
        connection.IsDirty = false;
        _current = connection;
        if (connection.State == ShardConnectionState.Web)
        {
            FlushWeb(connection);
            return;
        }

        // In the order of age: what waited, then what this round has brought.
        if (!TryPutGreeting(connection) || !TryPutQueue(connection) || !TryPutRuns(connection)) QueueRuns(connection);
        SendNow(connection);
        if (!connection.IsBlocked && connection.State != ShardConnectionState.Closed) Watch(connection, connection.Interest & ~LibC.EpollOut);
    }

    private bool TryPutGreeting(ShardConnection connection)
    {
        if (!IsSendable(connection)) return false;
        if (connection.Client.TakeGreeting() is not { } greeting) return true;
        fixed (byte* bytes = greeting) return TryPut(connection, bytes, greeting.Length);
    }

    private bool TryPutQueue(ShardConnection connection)
    {
        fixed (byte* scratch = _scratch)
        {
            while (true)
            {
                int length = connection.Client.Queue.Take(_scratch, _now, connection.IsSlow ? SlowSendLength : ScratchLength);
                if (length == 0) break;
                if (!TryPut(connection, scratch, length)) return false;
                if (connection.IsSlow) SendNow(connection);
                if (connection.IsBlocked) return false;
            }

            connection.IsSlow = false;
            return true;
        }
    }

    private bool TryPutRuns(ShardConnection connection)
    {
        fixed (byte* scratch = _scratch)
        {
            while (connection.FirstRun >= 0)
            {
                PacketRun run = _runs[connection.FirstRun];
                bool isShort = run.Length < ShortRunLength && run.Next >= 0;
                if (!isShort) PopRun(connection);
                bool isOpen = isShort ? TryPut(connection, scratch, GatherShortRuns(connection, scratch)) : TryPut(connection, run.Frames, run.Length);
                if (!isOpen) return false;
            }
        }

        return true;
    }

    private int GatherShortRuns(ShardConnection connection, byte* scratch)
    {
        int gathered = 0;
        while (connection.FirstRun >= 0)
        {
            PacketRun run = _runs[connection.FirstRun];
            if (run.Length >= ShortRunLength || gathered + run.Length > ScratchLength) break;
            Buffer.MemoryCopy(run.Frames, scratch + gathered, ScratchLength - gathered, run.Length);
            gathered += run.Length;
            PopRun(connection);
        }

        return gathered;
    }

    private void PopRun(ShardConnection connection)
    {
        PacketRun run = _runs[connection.FirstRun];
        int bytes = run.Length - (run.Packets * PacketFrame.PrefixLength);
        _services.Router.Counters.CountOut(run.Packets, bytes);
        connection.Client.Traffic.CountOut(run.Packets, bytes);
        _services.Router.Counters.CountNoWait(run.Packets);
        connection.FirstRun = run.Next;
        if (run.Next < 0) connection.LastRun = -1;
    }

    /// <summary>Has what cannot be sent now wait, or be counted as lost where the client is gone.</summary>
    private void QueueRuns(ShardConnection connection)
    {
        for (int index = RoundRuns.Take(connection); index >= 0; index = _runs[index].Next)
        {
            ref PacketRun run = ref _runs[index];
            connection.Client.Queue.EnqueuePackets(new ReadOnlySpan<byte>(run.Frames, run.Length), run.Kind, _now);
        }
    }

    private void FlushWeb(ShardConnection connection)
    {
        WebBridge web = connection.Web!;
        while (connection is { IsBlocked: false, State: ShardConnectionState.Web } && web.TryTake(out ReadOnlySequence<byte> bytes))
        {
            foreach (ReadOnlyMemory<byte> part in bytes)
            {
                fixed (byte* start = part.Span) TryPut(connection, start, part.Length);
            }

            if (connection.State == ShardConnectionState.Web) web.Sent(bytes.End);
        }

        SendNow(connection);
        if (connection.IsBlocked || connection.State == ShardConnectionState.Closed) return;
        if (connection.IsEnding) Close(connection, CloseReason.ClientLeft);
        else Watch(connection, connection.Interest & ~LibC.EpollOut);
    }

    private static bool IsSendable(ShardConnection connection) => connection is { State: ShardConnectionState.Client, IsBlocked: false };

    /// <summary>Seals bytes, all of them, and sends once there are enough.</summary>
    /// <returns>False where nothing more can be sent now: the socket has refused something, or the connection has ended.</returns>
    private bool TryPut(ShardConnection connection, byte* bytes, int length)
    {
        if (connection.State == ShardConnectionState.Closed) return false;
        if (!connection.Engine.TrySeal(connection, bytes, length))
        {
            Close(connection, CloseReason.ClientLeft);
            return false;
        }

        if (_out->Length >= SendLength) SendNow(connection);
        return !connection.IsBlocked && connection.State != ShardConnectionState.Closed;
    }

    /// <summary>Sends what is sealed for this connection, or keeps it where the socket refuses.</summary>
    private void SendNow(ShardConnection connection)
    {
        if (_out->Length == 0) return;
        if (connection.IsBlocked)
        {
            KeepUnsent(connection, _out->Bytes, _out->Length);
            _out->Length = 0;
            return;
        }

        nint sent = LibC.Send(connection.Socket, _out->Bytes, (nuint)_out->Length, LibC.SendFlags);
        _sends++;
        _services.Router.Counters.CountWrite();
        if (sent < 0 && Marshal.GetLastPInvokeError() is not (LibC.TryAgain or LibC.Interrupted or LibC.NoBufferSpace))
        {
            _out->Length = 0;
            Close(connection, CloseReason.ClientLeft);
            return;
        }

        int taken = Math.Max(0, (int)sent);
        if (taken < _out->Length) KeepUnsent(connection, _out->Bytes + taken, _out->Length - taken);
        _out->Length = 0;
    }

    private void KeepUnsent(ShardConnection connection, byte* bytes, int length)
    {
        int waiting = connection.UnsentEnd - connection.UnsentStart;
        if (waiting + length > MaxUnsentLength)
        {
            Close(connection, CloseReason.WriteTimeout);
            return;
        }

        if (connection.Unsent is not { } kept)
        {
            connection.BlockedSince = _now;
            _services.Router.Counters.CountStall();
            connection.IsSlow = true;
            _blocked.Add(connection);
            Watch(connection, connection.Interest | LibC.EpollOut);
            kept = ArrayPool<byte>.Shared.Rent(length);
        }
        else if (kept.Length < connection.UnsentEnd + length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(waiting + length);
            kept.AsSpan(connection.UnsentStart, waiting).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(kept);
            connection.UnsentStart = 0;
            connection.UnsentEnd = waiting;
            kept = larger;
        }

        connection.Unsent = kept;
        new ReadOnlySpan<byte>(bytes, length).CopyTo(kept.AsSpan(connection.UnsentEnd));
        connection.UnsentEnd += length;
    }

    /// <summary>The socket takes something again.</summary>
    private void HandleWritable(ShardConnection connection)
    {
        if (connection.Unsent is { } kept)
        {
            int waiting = connection.UnsentEnd - connection.UnsentStart;
            nint sent;
            fixed (byte* bytes = kept) sent = LibC.Send(connection.Socket, bytes + connection.UnsentStart, (nuint)waiting, LibC.SendFlags);
            _services.Router.Counters.CountWrite();
            if (sent < 0 && Marshal.GetLastPInvokeError() is not (LibC.TryAgain or LibC.Interrupted or LibC.NoBufferSpace))
            {
                Close(connection, CloseReason.ClientLeft);
                return;
            }

            connection.UnsentStart += Math.Max(0, (int)sent);
            if (connection.UnsentStart < connection.UnsentEnd) return;
            ReleaseUnsent(connection);
        }

        MarkDirty(connection); // What has waited in the queue goes now.
    }

    private void SayGoodBye(ShardConnection connection, ShardConnectionState was)
    {
        if (was != ShardConnectionState.Handshake && !connection.IsBlocked)
        {
            // Whoever is refused before its login is told why in the greeting.
            if (connection.Client.TakeGreeting() is { } greeting)
            {
                fixed (byte* bytes = greeting) connection.Engine.TrySeal(connection, bytes, greeting.Length);
            }

            connection.Engine.Finish(connection);
        }

        if (_out->Length > 0 && !connection.IsBlocked) LibC.Send(connection.Socket, _out->Bytes, (nuint)_out->Length, LibC.SendFlags); // As far as it goes.
        _out->Length = 0;
    }

    private static void ReleaseUnsent(ShardConnection connection)
    {
        if (connection.Unsent is { } kept) ArrayPool<byte>.Shared.Return(kept);
        connection.Unsent = null;
        connection.UnsentStart = 0;
        connection.UnsentEnd = 0;
    }
}
