namespace Relay.Server.Telemetry;

/// <summary>What the relay says of its end.</summary>
internal static partial class DrainLog
{
    [LoggerMessage(50, LogLevel.Information, "Draining: {Clients} clients have been told, and get {Timeout}")]
    public static partial void Begun(ILogger log, int clients, TimeSpan timeout);

    [LoggerMessage(51, LogLevel.Information, "Drained in {Duration}; {Clients} clients are left")]
    public static partial void Over(ILogger log, int clients, TimeSpan duration);
}
