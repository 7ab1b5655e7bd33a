using System.Text;

namespace Node.Traversal.Messages.Http;

/// <summary>Asks an HTTP proxy for a connection to somewhere else (CONNECT, RFC 9110 §9.3.6).</summary>
internal static class ConnectRequest
{
    /// <summary>Writes the request.</summary>
    /// <param name="authority">Where to: host and port, an IPv6 address in brackets.</param>
    /// <param name="authorization">The value of Proxy-Authorization (RFC 9110 §11.7.1); null = none.</param>
    public static byte[] Write(string authority, string? authorization)
    {
        string credentials = authorization is null ? "" : $"Proxy-Authorization: {authorization}\r\n";
        return Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: relay-node\r\nProxy-Connection: Keep-Alive\r\n{credentials}\r\n");
    }
}
