using Relay.Server.Shards;
using Timing;

namespace Relay.Server.Tests.Shards;

public sealed class TimerHeapTests
{
    [Fact]
    public void The_first_is_the_earliest_whatever_is_put_in_moved_and_taken_out()
    {
        Random random = new(20261124);
        TimerHeap heap = new();
        List<Entry> entries = [];
        for (int step = 0; step < 20_000; step++)
        {
            switch (random.Next(4))
            {
                case 0 when entries.Count > 0:
                    Entry gone = entries[random.Next(entries.Count)];
                    heap.Remove(gone);
                    heap.Remove(gone); // Once more is once.
                    entries.Remove(gone);
                    break;
                case 1 when entries.Count > 0:
                    heap.Set(entries[random.Next(entries.Count)], new Instant(random.Next(1000)));
                    break;
                default:
                    Entry added = new();
                    heap.Set(added, new Instant(random.Next(1000)));
                    entries.Add(added);
                    break;
            }

            Assert.Equal(entries.Count, heap.Count);
            if (entries.Count > 0) Assert.Equal(entries.Min(entry => entry.Due), heap.First!.Due);
            if (entries.Count > 100) entries.RemoveAll(entry => Drop(heap, entry, entries.Count, random));
        }
    }

    private static bool Drop(TimerHeap heap, Entry entry, int count, Random random)
    {
        if (random.Next(count) > 50) return false;
        heap.Remove(entry);
        return true;
    }

    private sealed class Entry : TimerEntry;
}
