using System.Diagnostics.CodeAnalysis;
using Relay.Protocol;

namespace Node.Traversal.Core.Punching;

/// <summary>The sockets opened beside the node's own: which there are, and for whose sake. Ids are not used again: what is late for one must not find another.</summary>
internal sealed class ExtraSockets(NodeContext context)
{
    /// <summary>The most open at once: those of the largest punch, and winners of earlier ones.</summary>
    public const int MaxOpen = 1024;

    private readonly Dictionary<SocketId, NodeKey> _owners = [];
    private int _last = SocketId.Ipv6.Value;

    /// <summary>How many are open.</summary>
    public int Count => _owners.Count;

    /// <summary>Has one opened, for IPv4; false at the limit.</summary>
    public bool TryOpen(NodeKey owner, out SocketId socket)
    {
        socket = default;
        if (_owners.Count >= MaxOpen) return false;
        socket = new SocketId(++_last);
        _owners.Add(socket, owner);
        context.Raise(new NodeEvent.SocketWanted(socket));
        return true;
    }

    /// <summary>Has one closed.</summary>
    public void Close(SocketId socket)
    {
        if (_owners.Remove(socket)) context.Raise(new NodeEvent.SocketUnwanted(socket));
    }

    /// <summary>Whose it is; false where it is not open.</summary>
    public bool TryFindOwner(SocketId socket, [MaybeNullWhen(false)] out NodeKey owner) => _owners.TryGetValue(socket, out owner);
}
