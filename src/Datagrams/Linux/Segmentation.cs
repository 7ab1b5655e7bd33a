using System.Net.Sockets;

namespace Datagrams.Linux;

/// <summary>
/// Decides which datagrams of a socket leave in runs (UDP_SEGMENT). A device may be unable to cut them up, and a path too narrow: a run is
/// never cut up and fragmented both. What is refused goes alone, so that nothing is lost by trying.
/// </summary>
/// <param name="isOffered">Says whether the kernel knows of it at all.</param>
internal sealed class Segmentation(bool isOffered)
{
    /// <summary>For how many sends datagrams of a length that was refused go alone: the path may be another one then.</summary>
    public const int RestSends = 1000;

    private volatile bool _isOff = !isOffered;
    private volatile int _refusedLength;
    private int _rest; // Senders may be many: a send more or less does not matter.

    /// <summary>The longest datagram to put into a run, in bytes; 0 = none.</summary>
    public int LongestInRun()
    {
        if (_isOff) return 0;
        if (_refusedLength == 0) return int.MaxValue;
        if (Interlocked.Decrement(ref _rest) > 0) return _refusedLength - 1;
        _refusedLength = 0;
        return int.MaxValue;
    }

    /// <summary>Takes what a run was refused with.</summary>
    /// <param name="error">What the system says.</param>
    /// <param name="length">The length of the run's datagrams in bytes.</param>
    /// <returns>True where they may go alone; false where that would be no different.</returns>
    public bool HandleRefusal(SocketError error, int length)
    {
        switch (error)
        {
            case SocketError.SocketError or SocketError.OperationNotSupported or SocketError.ProtocolOption: // The first is EIO: no checksums by the device.
                _isOff = true;
                return true;
            case SocketError.MessageSize or SocketError.InvalidArgument: // Longer than the path takes whole; the latter from older kernels.
                Volatile.Write(ref _rest, RestSends);
                _refusedLength = _refusedLength == 0 ? length : Math.Min(_refusedLength, length);
                return true;
            default:
                return false;
        }
    }
}
