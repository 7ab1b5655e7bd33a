using Timing;

namespace Relay.Server.Shards;

/// <summary>What stands in a <see cref="TimerHeap"/>: it knows its place, so that it can leave.</summary>
internal abstract class TimerEntry
{
    /// <summary>When it is due.</summary>
    public Instant Due { get; set; }

    /// <summary>Its place in the heap; -1 = it stands in none.</summary>
    public int TimerIndex { get; set; } = -1;
}

/// <summary>The deadlines of a shard's connections, the earliest first: a binary heap, so that ten thousand idle clients cost nothing until one is due.</summary>
internal sealed class TimerHeap
{
    private TimerEntry[] _entries = new TimerEntry[16];

    public int Count { get; private set; }

    /// <summary>The earliest entry; null where there is none.</summary>
    public TimerEntry? First => Count > 0 ? _entries[0] : null;

    /// <summary>Puts an entry in, or moves it to where <paramref name="due"/> belongs.</summary>
    public void Set(TimerEntry entry, Instant due)
    {
        entry.Due = due;
        if (entry.TimerIndex < 0)
        {
            if (Count == _entries.Length) Array.Resize(ref _entries, Count * 2);
            Place(entry, Count++);
        }

        SiftUp(entry);
        SiftDown(entry);
    }

    /// <summary>Takes an entry out, if it is in.</summary>
    public void Remove(TimerEntry entry)
    {
        int index = entry.TimerIndex;
        if (index < 0) return;
        entry.TimerIndex = -1;
        TimerEntry last = _entries[--Count];
        _entries[Count] = null!;
        if (last == entry) return;
        Place(last, index);
        SiftUp(last);
        SiftDown(last);
    }

    private void SiftUp(TimerEntry entry)
    {
        while (entry.TimerIndex > 0)
        {
            int parent = (entry.TimerIndex - 1) / 2;
            if (_entries[parent].Due <= entry.Due) return;
            Exchange(entry, _entries[parent]);
        }
    }

    private void SiftDown(TimerEntry entry)
    {
        while (true)
        {
            int child = (entry.TimerIndex * 2) + 1;
            if (child >= Count) return;
            if (child + 1 < Count && _entries[child + 1].Due < _entries[child].Due) child++;
            if (entry.Due <= _entries[child].Due) return;
            Exchange(entry, _entries[child]);
        }
    }

    private void Exchange(TimerEntry one, TimerEntry other)
    {
        int index = one.TimerIndex;
        Place(one, other.TimerIndex);
        Place(other, index);
    }

    private void Place(TimerEntry entry, int index)
    {
        _entries[index] = entry;
        entry.TimerIndex = index;
    }
}
