using Addresses;

namespace Node.Traversal.Core.PortMapping;

/// <summary>An HTTP request to the gateway: a GET, or a POST where there is an action.</summary>
/// <param name="Id">Which; the reply names it. 0 = nobody waits for the reply.</param>
/// <param name="Endpoint">The gateway's address and a port of its choice.</param>
/// <param name="Path">The path with its query.</param>
/// <param name="Action">The SOAP action; null = the description is fetched.</param>
/// <param name="Body">The action's body; empty for a GET.</param>
internal sealed record UpnpRequest(int Id, TransportAddress Endpoint, string Path, string? Action, byte[] Body);

/// <summary>What became of it.</summary>
/// <param name="Status">The HTTP status; 0 = there was no answer, it was too long, or it came too slowly.</param>
/// <param name="Body">The answer's body.</param>
internal readonly record struct UpnpReply(int Status, byte[] Body)
{
    /// <summary>No answer.</summary>
    public static UpnpReply None { get; } = new(0, []);
}

/// <summary>A search to be sent by UDP.</summary>
/// <param name="Destination">The gateway, or the group.</param>
/// <param name="Payload">The datagram.</param>
internal readonly record struct UpnpSearch(TransportAddress Destination, byte[] Payload);

/// <summary>What a UPnP client wants sent.</summary>
internal sealed class UpnpOutput
{
    public Queue<UpnpSearch> Searches { get; } = [];

    public Queue<UpnpRequest> Requests { get; } = [];

    public void Clear()
    {
        Searches.Clear();
        Requests.Clear();
    }
}

/// <summary>A service of the gateway's.</summary>
/// <param name="Type">Its type, as the gateway spells it.</param>
/// <param name="Endpoint">Where actions go.</param>
/// <param name="Path">The path there.</param>
internal readonly record struct UpnpService(string Type, TransportAddress Endpoint, string Path)
{
    /// <summary>The version at the type's end.</summary>
    public int Version => Type.Length > 0 && char.IsAsciiDigit(Type[^1]) ? Type[^1] - '0' : 1;

    /// <summary>Says whether it is of that kind, of whatever maker: some spell the standard types in a domain of their own.</summary>
    public bool Is(string kind) => Type.Contains($":{kind}:", StringComparison.OrdinalIgnoreCase);
}
