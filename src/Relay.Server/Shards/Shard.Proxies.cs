using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Telemetry;

namespace Relay.Server.Shards;

/// <content>The PROXY header, which a trusted proxy writes in front of everything else, TLS included.</content>
internal sealed unsafe partial class Shard
{
    /// <summary>
    /// Goes on with reading the header. No byte behind it is taken off the socket: that is looked at first, and only what belongs to the header
    /// is read.
    /// </summary>
    /// <returns>True once there is nothing (more) of it, and the connection begins.</returns>
    private bool IsProxyHeaderOver(ShardConnection connection)
    {
        if (connection.ProxyHeader is not { } begun) return true;

        byte* buffer = stackalloc byte[ProxyHeader.MaxLength];
        begun.CopyTo(new Span<byte>(buffer, begun.Length));
        nint seen = LibC.Receive(connection.Socket, buffer + begun.Length, (nuint)(ProxyHeader.MaxLength - begun.Length), LibC.ReceiveFlags | LibC.PeekFlag);
        if (seen < 0) return false; // Nothing yet, or the network has ended it, which the timeout sees to.
        if (seen == 0)
        {
            Close(connection, CloseReason.ClientLeft);
            return false;
        }

        ReadOnlySpan<byte> input = new(buffer, begun.Length + (int)seen);
        try
        {
            if (!ProxyHeader.TryRead(input, out ProxyHeader header))
            {
                LibC.Receive(connection.Socket, buffer + begun.Length, (nuint)seen, LibC.ReceiveFlags); // All of it belongs to the header.
                connection.ProxyHeader = input.ToArray();
                return false;
            }

            if (header.Length < begun.Length) throw new RelayProtocolException("The PROXY header is malformed: it begins like one, and goes on otherwise.");
            LibC.Receive(connection.Socket, buffer, (nuint)(header.Length - begun.Length), LibC.ReceiveFlags);
            connection.ProxyHeader = null;
            if (header.Source.IsValid) connection.Client.Remote = header.Source;
            return true;
        }
        catch (RelayProtocolException exception)
        {
            _services.Router.Counters.CountClose(CloseReason.BadProxyHeader);
            RelayLog.ProxyFailed(_services.Log, connection.Remote, exception.Message);
            Close(connection, CloseReason.BadProxyHeader);
            return false;
        }
    }
}
