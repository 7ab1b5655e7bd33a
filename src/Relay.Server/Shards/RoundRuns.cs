using Relay.Protocol;

namespace Relay.Server.Shards;

/// <summary>A run of frames of one kind for one destination, where it was read.</summary>
internal unsafe struct PacketRun
{
    public byte* Frames;
    public int Length;
    public int Packets;
    public PacketKind Kind;

    /// <summary>The destination's next run; -1 = none.</summary>
    public int Next;
}

/// <summary>The runs of a round: for each destination a chain, in the order they came. What they point to stays until the round's end.</summary>
internal sealed class RoundRuns
{
    private PacketRun[] _runs = new PacketRun[256];
    private int _count;

    public ref PacketRun this[int index] => ref _runs[index];

    /// <summary>Appends a run to the destination's chain.</summary>
    public void Add(ShardConnection destination, in PacketRun run)
    {
        if (_count == _runs.Length) Array.Resize(ref _runs, _count * 2); // Bounded: a run is a frame at least, and the arena that holds them is.
        _runs[_count] = run;
        _runs[_count].Next = -1;
        if (destination.LastRun >= 0) _runs[destination.LastRun].Next = _count;
        else destination.FirstRun = _count;
        destination.LastRun = _count++;
    }

    /// <summary>Takes the chain off its destination, for a walk by <see cref="PacketRun.Next"/>.</summary>
    public static int Take(ShardConnection destination)
    {
        int first = destination.FirstRun;
        destination.FirstRun = -1;
        destination.LastRun = -1;
        return first;
    }

    /// <summary>The round is over.</summary>
    public void Clear() => _count = 0;
}
