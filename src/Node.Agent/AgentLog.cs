using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Node.Agent;

/// <summary>What the agent says while it runs. Keys in their short form; never a private one.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Carrying {Peers} peers of {Interface}; WireGuard listens on port {Port}")]
    public static partial void Started(this ILogger logger, int peers, string @interface, int port);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stopping; {Corrections} endpoints were put back while running, {Dropped} packets between WireGuard and the node were lost")]
    public static partial void Stopping(this ILogger logger, long corrections, long dropped);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} can be read by others, and a private key is in it: chmod 600 {File}")]
    public static partial void ReadableByOthers(this ILogger logger, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} line {Line}: SaveConfig = true will write this program's loopback endpoints into the file; remove the line")]
    public static partial void SaveConfig(this ILogger logger, string file, int line);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Interface} has another private key than its file: bring the two together with wg syncconf")]
    public static partial void AnotherKey(this ILogger logger, string @interface);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Peer {Peer} is in the file but not on {Interface}: bring the two together with wg syncconf")]
    public static partial void MissingPeer(this ILogger logger, NodeKey peer, string @interface);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Peer {Peer} in {File} is this node itself, and is left out")]
    public static partial void OwnKey(this ILogger logger, NodeKey peer, string file);

    [LoggerMessage(Level = LogLevel.Warning, Message = "WireGuard does not listen on any port yet: bring {Interface} up")]
    public static partial void NoListenPort(this ILogger logger, string @interface);

    [LoggerMessage(Level = LogLevel.Warning, Message = "WireGuard cannot be asked for its endpoints: {Problem}")]
    public static partial void WireGuardLost(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "WireGuard answers again")]
    public static partial void WireGuardBack(this ILogger logger);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Put {Count} endpoints back, {Total} in all")]
    public static partial void EndpointsCorrected(this ILogger logger, long count, long total);

    [LoggerMessage(Level = LogLevel.Information, Message = "WireGuard listens on port {Port} now")]
    public static partial void ListenPortChanged(this ILogger logger, int port);

    [LoggerMessage(Level = LogLevel.Information, Message = "The interface's mark is {Mark:x} now")]
    public static partial void MarkChanged(this ILogger logger, uint mark);

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} was read again: {Added} peers added, {Removed} removed, {Changed} changed")]
    public static partial void Reloaded(this ILogger logger, string file, int added, int removed, int changed);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Everything stays as it is: {Problem}")]
    public static partial void ReloadRefused(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "The private key or the port has changed: starting anew as {Key}")]
    public static partial void NodeReplaced(this ILogger logger, NodeKey key);

    [LoggerMessage(Level = LogLevel.Error, Message = "The node does not start, and is tried again: {Problem}")]
    public static partial void NodeNotStarted(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Peer {Peer} is not carried: none of its loopback addresses is free, the last being {Address}")]
    public static partial void NoLoopbackAddress(this ILogger logger, NodeKey peer, string address);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The endpoints from before could not be restored: {Problem}")]
    public static partial void NotRestored(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Nothing is kept over restarts: {Problem}")]
    public static partial void NoState(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A packet of {Interface} was too long to carry: its MTU must be below 2000")]
    public static partial void PacketTooLong(this ILogger logger, string @interface);

    [LoggerMessage(Level = LogLevel.Information, Message = "The relay map has {Regions} regions now")]
    public static partial void MapArrived(this ILogger logger, int regions);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The relay map stays as it is: {Problem}")]
    public static partial void MapRefused(this ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The relay map could not be kept for a start without a network: {Problem}")]
    public static partial void MapNotKept(this ILogger logger, string problem);
}
