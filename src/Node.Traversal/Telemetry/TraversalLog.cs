using Addresses;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Relay.Protocol.Disco;

namespace Node.Traversal.Telemetry;

/// <summary>What a node says: a line when a relay or a path is won or lost, never one a packet. Addresses only at Debug.</summary>
internal static partial class TraversalLog
{
    [LoggerMessage(1, LogLevel.Information, "Node {Key} is listening on UDP port {Port}")]
    public static partial void Started(ILogger log, NodeKey key, int port);

    [LoggerMessage(2, LogLevel.Information, "{Peer} is now reached {Path}")]
    public static partial void PathSelected(ILogger log, NodeKey peer, string path);

    [LoggerMessage(3, LogLevel.Debug, "{Peer}'s path is {Remote}")]
    public static partial void PathAddress(ILogger log, NodeKey peer, TransportAddress remote);

    [LoggerMessage(4, LogLevel.Information, "Relay {Region} is connected")]
    public static partial void RelayConnected(ILogger log, string region);

    [LoggerMessage(5, LogLevel.Information, "Relay {Region} is lost: {Reason}")]
    public static partial void RelayLost(ILogger log, string region, string reason);

    [LoggerMessage(6, LogLevel.Debug, "Relay {Region} cannot be reached: {Reason}")]
    public static partial void RelayUnreachable(ILogger log, string region, string reason);

    [LoggerMessage(13, LogLevel.Information, "Relay {Region} is shown a new token")]
    public static partial void RelayTokenShown(ILogger log, string region);

    [LoggerMessage(7, LogLevel.Information, "Home is relay {Region}")]
    public static partial void HomeSelected(ILogger log, string region);

    [LoggerMessage(8, LogLevel.Warning, "Relay {Region} says: {Health}")]
    public static partial void RelayHealth(ILogger log, string region, string health);

    [LoggerMessage(9, LogLevel.Warning, "The certificate of {Node} is not checked (InsecureForTests)")]
    public static partial void InsecureRelay(ILogger log, string node);

    [LoggerMessage(10, LogLevel.Warning, "What the node has learnt could not be kept in {File}: {Reason}")]
    public static partial void StateNotKept(ILogger log, string file, string reason);

    [LoggerMessage(14, LogLevel.Warning, "What the node had learnt before could not be read from {File}, and is learnt again: {Reason}")]
    public static partial void StateNotRead(ILogger log, string file, string reason);

    [LoggerMessage(11, LogLevel.Debug, "{Name} could not be looked up: {Reason}")]
    public static partial void NameNotFound(ILogger log, string name, string reason);

    [LoggerMessage(12, LogLevel.Warning, "UDP port {Port} is taken; using {Other}")]
    public static partial void PortTaken(ILogger log, int port, int other);

    [LoggerMessage(20, LogLevel.Information, "Relay {Region} ends in {EndsIn} and asks us to use another")]
    public static partial void RelayMoves(ILogger log, string region, TimeSpan endsIn);

    [LoggerMessage(21, LogLevel.Warning, "Relay {Region} cannot be reached, because of the proxy: {Reason}")]
    public static partial void ProxyRefuses(ILogger log, string region, string reason);

    [LoggerMessage(22, LogLevel.Warning, "A captive portal stands before this network: open a web page to get past it")]
    public static partial void CaptivePortal(ILogger log);

    [LoggerMessage(30, LogLevel.Information, "The gateway maps UDP port {Port} for us")]
    public static partial void PortMapped(ILogger log, int port);

    [LoggerMessage(31, LogLevel.Information, "The gateway no longer maps UDP port {Port} for us")]
    public static partial void PortNotMapped(ILogger log, int port);

    [LoggerMessage(40, LogLevel.Debug, "NAT for {Family}: mapping {Mapping}, filtering {Filtering}, ports {Allocation}")]
    public static partial void NatFound(ILogger log, string family, NatMapping mapping, NatFiltering filtering, NatPortAllocation allocation);

    [LoggerMessage(42, LogLevel.Debug, "NAT for {Family}: keeps an idle mapping for {Seconds} s")]
    public static partial void NatLifetimeFound(ILogger log, string family, int seconds);

    [LoggerMessage(41, LogLevel.Debug, "What NAT there is could not be found out: {Reason}")]
    public static partial void NatNotFound(ILogger log, string reason);

    [LoggerMessage(50, LogLevel.Debug, "No more sockets can be opened: {Reason}")]
    public static partial void SocketNotOpened(ILogger log, string reason);

    [LoggerMessage(60, LogLevel.Error, "A fault of this program has come to light; what it came with is dropped, and the node goes on")]
    public static partial void Faulted(ILogger log, Exception exception);
}
