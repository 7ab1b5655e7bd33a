using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Node.Agent;

/// <summary>What the agent says while it runs. Keys in their short form; never a private one.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(1, LogLevel.Information, "Peers carried of {Interface}: {Peers}; WireGuard listens on port {Port}")]
    public static partial void Started(this ILogger logger, string @interface, int peers, int port);

    [LoggerMessage(2, LogLevel.Information, "Stopping; endpoints put back while running: {Corrections}, packets lost between WireGuard and the node: {Dropped}")]
    public static partial void Stopping(this ILogger logger, long corrections, long dropped);

    [LoggerMessage(3, LogLevel.Warning, "{File} can be read by others, and a private key is in it: chmod 600 {File}")]
    public static partial void ReadableByOthers(this ILogger logger, string file);

    [LoggerMessage(4, LogLevel.Warning, "{File} line {Line}: SaveConfig = true will write this program's loopback endpoints into the file; remove the line")]
    public static partial void SaveConfig(this ILogger logger, string file, int line);

    [LoggerMessage(5, LogLevel.Warning, "{Interface} has another private key than its file: bring the two together with wg syncconf")]
    public static partial void AnotherKey(this ILogger logger, string @interface);

    [LoggerMessage(6, LogLevel.Warning, "Peer {Peer} is in the file but not on {Interface}: bring the two together with wg syncconf")]
    public static partial void MissingPeer(this ILogger logger, NodeKey peer, string @interface);

    [LoggerMessage(7, LogLevel.Warning, "Peer {Peer} in {File} is this node itself, and is left out")]
    public static partial void OwnKey(this ILogger logger, NodeKey peer, string file);

    [LoggerMessage(8, LogLevel.Warning, "WireGuard does not listen on any port yet: bring {Interface} up")]
    public static partial void NoListenPort(this ILogger logger, string @interface);

    [LoggerMessage(9, LogLevel.Warning, "WireGuard cannot be asked for its endpoints: {Problem}")]
    public static partial void WireGuardLost(this ILogger logger, string problem);

    [LoggerMessage(10, LogLevel.Information, "WireGuard answers again")]
    public static partial void WireGuardBack(this ILogger logger);

    [LoggerMessage(11, LogLevel.Debug, "Put {Count} endpoints back, {Total} in all")]
    public static partial void EndpointsCorrected(this ILogger logger, long count, long total);

    [LoggerMessage(12, LogLevel.Information, "WireGuard listens on port {Port} now")]
    public static partial void ListenPortChanged(this ILogger logger, int port);

    [LoggerMessage(13, LogLevel.Information, "The interface's mark is {Mark:x} now")]
    public static partial void MarkChanged(this ILogger logger, uint mark);

    [LoggerMessage(14, LogLevel.Information, "{File} was read again; peers added: {Added}, removed: {Removed}, changed: {Changed}")]
    public static partial void Reloaded(this ILogger logger, string file, int added, int removed, int changed);

    [LoggerMessage(15, LogLevel.Warning, "Everything stays as it is: {Problem}")]
    public static partial void ReloadRefused(this ILogger logger, string problem);

    [LoggerMessage(16, LogLevel.Information, "The private key or the port has changed: starting anew as {Key}")]
    public static partial void NodeReplaced(this ILogger logger, NodeKey key);

    [LoggerMessage(17, LogLevel.Error, "The node does not start, and is tried again: {Problem}")]
    public static partial void NodeNotStarted(this ILogger logger, string problem);

    [LoggerMessage(18, LogLevel.Error, "Peer {Peer} is not carried: none of its loopback addresses is free, the last being {Address}")]
    public static partial void NoLoopbackAddress(this ILogger logger, NodeKey peer, string address);

    [LoggerMessage(19, LogLevel.Warning, "The endpoints from before could not be restored: {Problem}")]
    public static partial void NotRestored(this ILogger logger, string problem);

    [LoggerMessage(20, LogLevel.Warning, "Nothing is kept over restarts: {Problem}")]
    public static partial void NoState(this ILogger logger, string problem);

    [LoggerMessage(21, LogLevel.Warning, "A packet of {Interface} was too long to carry: its MTU must be below 2000")]
    public static partial void PacketTooLong(this ILogger logger, string @interface);

    [LoggerMessage(22, LogLevel.Information, "There is another relay map; its regions: {Regions}")]
    public static partial void MapArrived(this ILogger logger, int regions);

    [LoggerMessage(23, LogLevel.Warning, "The relay map stays as it is: {Problem}")]
    public static partial void MapRefused(this ILogger logger, string problem);

    [LoggerMessage(24, LogLevel.Warning, "The relay map could not be kept for a start without a network: {Problem}")]
    public static partial void MapNotKept(this ILogger logger, string problem);

    [LoggerMessage(25, LogLevel.Warning, "Relays are shown no token, for {Problem}")]
    public static partial void NoRelayToken(this ILogger logger, string problem);

    [LoggerMessage(26, LogLevel.Warning, "Long packets are cut on the way, or lost: {Advice}")]
    public static partial void PathTooNarrow(this ILogger logger, string advice);

    [LoggerMessage(27, LogLevel.Warning, "{File}: {Advice}")]
    public static partial void FileAdvice(this ILogger logger, string file, string advice);

    [LoggerMessage(28, LogLevel.Warning, "What has changed at {Interface} cannot be followed, and is tried again: {Problem}")]
    public static partial void InterfaceNotFollowed(this ILogger logger, string @interface, string problem);

    [LoggerMessage(29, LogLevel.Warning, "The interface's mark is 0x{Mark:x} now, and packets beside the tunnel go without it: {Problem}")]
    public static partial void MarkRefused(this ILogger logger, uint mark, string problem);

    [LoggerMessage(30, LogLevel.Error, "Peer {Peer} is not carried: {Problem}")]
    public static partial void NotCarried(this ILogger logger, NodeKey peer, string problem);
}
