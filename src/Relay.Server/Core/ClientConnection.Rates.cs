using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <content>What the client has used of what it may send. Over it, it is not read from for a while: what it sends waits with it, and nothing is lost.</content>
internal sealed partial class ClientConnection
{
    private Quota _bytesUsed;
    private Quota _framesUsed;
    private long _bytesToCharge;
    private int _framesToCharge;

    /// <summary>When the shell may read from the client again; not after the present = now. To be asked after each <see cref="Receive"/>, and again then.</summary>
    public Instant ReadableAt => IsMeshPeer ? Instant.Origin : Instant.Max(Instant.Max(_bytesUsed.EarnedAt, _framesUsed.EarnedAt), _set?.Tenant.Used.EarnedAt ?? Instant.Origin);

    /// <summary>What the client may send: the less of what all may, and of what its admission says.</summary>
    private Rate ClientBytes
    {
        get
        {
            Rate ofAll = _router.Limits.ClientBytes;
            long granted = Admission?.RateBytesPerSecond ?? 0;
            if (granted == 0 || (ofAll.IsLimited && ofAll.PerSecond <= granted)) return ofAll;
            return new Rate(granted, Math.Max(Rate.LeastBytesBurst, ofAll.Burst));
        }
    }

    /// <summary>Says that it is not read from now; the shell has found that it would have to wait.</summary>
    public void CountPause(Instant now) => _router.Counters.CountPause(isTenants: _bytesUsed.EarnedAt <= now && _framesUsed.EarnedAt <= now);

    /// <summary>Bodies are counted, of all types, as stock relays do.</summary>
    private void CountUse(FrameHeader header)
    {
        if (IsMeshPeer) return; // It brings the packets of many, which its own relay has bounded.
        _framesToCharge++;
        _bytesToCharge += Math.Min(header.BodyLength, Rate.LeastBytesBurst);
    }

    private void Charge(Instant now)
    {
        if (_framesToCharge == 0) return;
        ServerLimits limits = _router.Limits;
        _bytesUsed.Charge(_bytesToCharge, ClientBytes, now);
        _framesUsed.Charge(_framesToCharge, limits.ClientFrames, now);
        _set?.Tenant.Used.Charge(_bytesToCharge, limits.TenantBytes, _framesToCharge, limits.TenantFrames, now);
        _bytesToCharge = 0;
        _framesToCharge = 0;
    }
}
