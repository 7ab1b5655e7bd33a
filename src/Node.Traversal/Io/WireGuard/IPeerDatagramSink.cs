namespace Node.Traversal;

/// <summary>Takes what arrives from one peer. Called from several threads: the one that receives UDP, and one for each relay.</summary>
public interface IPeerDatagramSink
{
    /// <summary>Takes one datagram. It is valid only during the call.</summary>
    void Deliver(ReadOnlySpan<byte> datagram);

    /// <summary>Says that no more has arrived at once: what was held back for company should go.</summary>
    void Flush();
}
