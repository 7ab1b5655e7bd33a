using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>When a request that is not answered is sent again: doubling, with jitter where the RFC asks for it, and at a longest interval for ever.</summary>
/// <param name="initial">The first interval.</param>
/// <param name="longest">The longest.</param>
/// <param name="jitter">How far each interval may be off, either way, as a share of it.</param>
/// <param name="entropy">Where the jitter comes from.</param>
internal sealed class RequestSchedule(TimeSpan initial, TimeSpan longest, double jitter, EntropySource entropy)
{
    private TimeSpan _interval;

    /// <summary>RFC 6887 §8.1.1: 3 s doubling to 1024 s, each off by up to a tenth.</summary>
    public static RequestSchedule Pcp(EntropySource entropy) => new(TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1024), 0.1, entropy);

    /// <summary>RFC 6886 §3.1: 250 ms doubling to 64 s; what is silent then has none, and is asked at that pace whether it has got one.</summary>
    public static RequestSchedule NatPmp(EntropySource entropy) => new(TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(1024), 0, entropy);

    /// <summary>A search for routers is repeated, for datagrams are lost (UPnP Device Architecture 1.1 §1.3.2), from half a second on.</summary>
    public static RequestSchedule Ssdp(EntropySource entropy) => new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1024), 0, entropy);

    /// <summary>When to send; null = nothing is being asked.</summary>
    public Instant? Next { get; private set; }

    /// <summary>Requests sent since <see cref="Start"/>.</summary>
    public int Sent { get; private set; }

    /// <summary>Says that a request is out, or about to be.</summary>
    public bool IsAsking => Next is not null;

    /// <summary>Begins asking.</summary>
    public void Start(Instant at)
    {
        Next = at;
        Sent = 0;
        _interval = TimeSpan.Zero;
    }

    /// <summary>It is answered, or not wanted any more.</summary>
    public void Stop() => Next = null;

    /// <summary>One is sent: the next is planned.</summary>
    public void HandleSent(Instant now)
    {
        Sent++;
        TimeSpan doubled = _interval == TimeSpan.Zero ? initial : _interval * 2;
        _interval = Spread(doubled < longest ? doubled : longest);
        Next = now + _interval;
    }

    private TimeSpan Spread(TimeSpan interval)
    {
        if (jitter == 0) return interval;
        Span<byte> random = stackalloc byte[sizeof(uint)];
        entropy(random);
        return interval * (1 + jitter * (BitConverter.ToUInt32(random) / (uint.MaxValue / 2.0) - 1));
    }
}
