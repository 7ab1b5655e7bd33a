namespace Relay.Protocol;

/// <summary>The other end of a relay connection broke the protocol. It costs that connection and nothing else.</summary>
public sealed class RelayProtocolException : Exception
{
    /// <summary>Makes the exception without saying more.</summary>
    public RelayProtocolException() : base("The other end broke the relay protocol.") { }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">What was broken, in a sentence fit for a log.</param>
    public RelayProtocolException(string message) : base(message) { }

    /// <summary>Makes the exception with what caused it.</summary>
    public RelayProtocolException(string message, Exception innerException) : base(message, innerException) { }
}
