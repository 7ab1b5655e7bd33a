namespace Datagrams.Tests;

public sealed class DatagramPollerTests
{
    private const int Seconds = 5000;

    public static TheoryData<bool> Ways => Loopback.Ways;

    [Theory, MemberData(nameof(Ways))]
    public void Wait_names_the_sockets_that_have_something_until_it_is_received(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket quiet = Loopback.Bind(isPortable);
        using DatagramSocket busy = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        poller.Add(quiet, 1);
        poller.Add(busy, 2);
        quiet.SendTo([1], busy.LocalAddress);
        int[] ready = new int[4];

        WaitFor(poller, ready, 1);
        Assert.Equal(2, ready[0]);
        Assert.Equal(1, poller.Wait(ready, 0)); // Level-triggered.
        busy.Receive(batch, out _);
        Assert.Equal(0, poller.Wait(ready, 0));
    }

    [Theory, MemberData(nameof(Ways))]
    public void More_ready_sockets_than_room_are_named_the_next_time(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket first = Loopback.Bind(isPortable);
        using DatagramSocket second = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        poller.Add(first, 1);
        poller.Add(second, 2);
        first.SendTo([1], second.LocalAddress);
        second.SendTo([1], first.LocalAddress);
        int[] ready = new int[1];
        var seen = new HashSet<int>();

        while (seen.Count < 2)
        {
            WaitFor(poller, ready, 1);
            Assert.True(seen.Add(ready[0]), "the same socket again, although it was emptied");
            (ready[0] == 1 ? first : second).Receive(batch, out _);
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_socket_that_is_always_ready_does_not_hide_the_others(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket first = Loopback.Bind(isPortable);
        using DatagramSocket second = Loopback.Bind(isPortable);
        poller.Add(first, 1);
        poller.Add(second, 2);
        first.SendTo([1], second.LocalAddress);
        second.SendTo([1], first.LocalAddress);
        int[] ready = new int[1];
        var seen = new HashSet<int>();

        for (int wait = 0; wait < 10; wait++)
        {
            if (poller.Wait(ready, Seconds) > 0) seen.Add(ready[0]); // Neither is ever emptied.
        }

        Assert.Equal(2, seen.Count);
    }

    [Theory, MemberData(nameof(Ways))]
    public void Wake_from_another_thread_ends_the_wait(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        var thread = new Thread(poller.Wake);
        thread.Start();

        Assert.Equal(0, poller.Wait(new int[1], DatagramPoller.Forever));
        thread.Join();
        Assert.Equal(0, poller.Wait(new int[1], 0)); // The wake-up is used up.
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_socket_added_during_the_wait_is_watched_at_once(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket socket = Loopback.Bind(isPortable);
        socket.SendTo([1], socket.LocalAddress);
        var thread = new Thread(() => poller.Add(socket, 5));
        thread.Start();

        int[] ready = new int[1];
        WaitFor(poller, ready, 1);
        Assert.Equal(5, ready[0]);
        thread.Join();
    }

    [Theory, MemberData(nameof(Ways))]
    public void Sockets_removed_or_closed_are_not_named_any_more(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket removed = Loopback.Bind(isPortable);
        DatagramSocket closed = Loopback.Bind(isPortable);
        poller.Add(removed, 1);
        poller.Add(closed, 2);
        removed.SendTo([1], removed.LocalAddress);
        removed.SendTo([1], closed.LocalAddress);

        poller.Remove(removed);
        poller.Remove(removed); // Twice is once.
        closed.Dispose();
        poller.Remove(closed);

        Assert.Equal(0, poller.Wait(new int[2], 50));
        poller.Add(removed, 3);
        int[] ready = new int[2];
        WaitFor(poller, ready, 1);
        Assert.Equal(3, ready[0]);
    }

    [Theory, MemberData(nameof(Ways))]
    public void Watching_a_socket_twice_is_an_error(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        using DatagramSocket socket = Loopback.Bind(isPortable);
        poller.Add(socket, 1);

        Assert.Throws<InvalidOperationException>(() => poller.Add(socket, 2));
    }

    /// <summary>Waits past wake-ups and signals, which return 0.</summary>
    private static void WaitFor(DatagramPoller poller, int[] ready, int count)
    {
        for (int attempt = 0; attempt < 10; attempt++)
        {
            int found = poller.Wait(ready, Seconds);
            if (found == 0) continue;
            Assert.Equal(count, found);
            return;
        }

        Assert.Fail("no socket became ready");
    }
}
