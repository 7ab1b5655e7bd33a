using System.Net.Sockets;
using Addresses;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Region;

namespace Relay.Server.Telemetry;

/// <summary>What the relay says: a line when a client comes and one when it leaves, never one a packet.</summary>
internal static partial class RelayLog
{
    /// <summary>A client has proven its key, and was let in or refused.</summary>
    public static void LoggedIn(ILogger log, ClientConnection client)
    {
        if (client.Phase == ConnectionPhase.Open) ClientCame(log, client.Key, client.Admission!.Source, client.Admission.Tenant);
        else if (client.Admission is { IsAllowed: false } refused) ClientRefused(log, client.Key, refused.Refusal);
    }

    [LoggerMessage(1, LogLevel.Information, "{Client} has come, by {Source}, tenant '{Tenant}'")]
    private static partial void ClientCame(ILogger log, NodeKey client, AdmissionSource source, string tenant);

    [LoggerMessage(9, LogLevel.Information, "{Client} was refused: {Reason}")]
    private static partial void ClientRefused(ILogger log, NodeKey client, RefusalReason reason);

    [LoggerMessage(2, LogLevel.Information, "{Client} has left after {Duration}: {Reason}")]
    public static partial void ClientLeft(ILogger log, NodeKey client, CloseReason reason, TimeSpan duration);

    [LoggerMessage(3, LogLevel.Debug, "A connection was closed before its login: {Complaint}")]
    public static partial void LoginFailed(ILogger log, string complaint);

    [LoggerMessage(4, LogLevel.Debug, "TLS was not opened: {Problem}")]
    public static partial void TlsFailed(ILogger log, string problem);

    [LoggerMessage(5, LogLevel.Warning, "A connection could not be accepted: {Error}")]
    public static partial void AcceptFailed(ILogger log, SocketError error);

    [LoggerMessage(6, LogLevel.Information, "Relay {Key} is listening on {Addresses}")]
    public static partial void Listening(ILogger log, NodeKey key, string addresses);

    [LoggerMessage(7, LogLevel.Warning, "The certificate is self-signed and lives in memory: clients need the pin that --print-map shows, and a new one after each start")]
    public static partial void SelfSigned(ILogger log);

    [LoggerMessage(20, LogLevel.Information, "The relay {Target} of our region ({Key}) has let us in")]
    public static partial void MeshUp(ILogger log, MeshTarget target, NodeKey key);

    [LoggerMessage(21, LogLevel.Warning, "The link to the relay {Target} of our region has ended: {Reason}")]
    public static partial void MeshDown(ILogger log, MeshTarget target, string reason);

    [LoggerMessage(22, LogLevel.Warning, "The relay {Target} of our region cannot be had: {Problem}")]
    public static partial void MeshFailed(ILogger log, MeshTarget target, string problem);

    [LoggerMessage(23, LogLevel.Information, "{Target} of our region is this relay itself: there is nothing to link")]
    public static partial void MeshIsSelf(ILogger log, MeshTarget target);

    [LoggerMessage(24, LogLevel.Warning, "A connection from the trusted proxy {Proxy} was closed: {Problem}")]
    public static partial void ProxyFailed(ILogger log, TransportAddress proxy, string problem);

    [LoggerMessage(8, LogLevel.Warning, "Anybody may use this relay (--admission open)")]
    public static partial void OpenToAll(ILogger log);

    [LoggerMessage(20, LogLevel.Information, "Packets are carried by {Shards} shards with {OpenSsl}")]
    public static partial void Sharded(ILogger log, int shards, string openSsl);

    [LoggerMessage(21, LogLevel.Warning, "There is no OpenSSL 3 (libssl.so.3) here, or no Linux: packets are carried by the base library's streams, at twice the work and four times the memory")]
    public static partial void NotSharded(ILogger log);

    [LoggerMessage(22, LogLevel.Error, "A connection was ended by a fault of this server")]
    public static partial void Faulted(ILogger log, Exception exception);

    [LoggerMessage(50, LogLevel.Warning, "The admission service at {Host} could not be asked: {Problem}")]
    public static partial void CallbackFailed(ILogger log, string host, string problem);

    [LoggerMessage(51, LogLevel.Information, "Read again: {Subject}")]
    public static partial void Reloaded(ILogger log, string subject);

    [LoggerMessage(52, LogLevel.Error, "The new {Subject} cannot be used, and the old stays: {Problem}")]
    public static partial void ReloadRefused(ILogger log, string subject, string problem);

    [LoggerMessage(40, LogLevel.Warning, "{Count} lines were left out: more came than anybody reads")]
    public static partial void LeftOut(ILogger log, long count);

    [LoggerMessage(41, LogLevel.Warning, "No more than {Possible} connections can be kept, not {Wanted}: the process may have no more descriptors (ulimit -n, LimitNOFILE)")]
    public static partial void FewDescriptors(ILogger log, int possible, int wanted);
}
