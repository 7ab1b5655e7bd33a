namespace Relay.Server.Core;

/// <summary>What a client's connection asks of the shell that drives it; any thread may.</summary>
internal interface IConnectionShell
{
    /// <summary>There may be something to send. Called by whoever has put it into the client's queue, at the end of its round.</summary>
    void Wake();

    /// <summary>Ends the connection for a reason, where its input is handled.</summary>
    void End(CloseReason reason);
}
