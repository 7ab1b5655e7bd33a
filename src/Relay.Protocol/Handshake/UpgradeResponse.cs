using System.Text;

namespace Relay.Protocol.Handshake;

/// <summary>The 101 answer that turns an HTTP connection into a relay connection.</summary>
public static class UpgradeResponse
{
    /// <summary>The whole answer of a relay with that key, byte for byte as stock relays write it.</summary>
    public static byte[] Switching(NodeKey serverKey) => Encoding.ASCII.GetBytes(
        "HTTP/1.1 101 Switching Protocols\r\n"
        + "Upgrade: DERP\r\n"
        + "Connection: Upgrade\r\n"
        + $"Derp-Version: {ClientInfo.ProtocolVersion}\r\n"
        + $"Derp-Public-Key: {serverKey.ToHex()}\r\n"
        + "\r\n");

    /// <summary>A refusal: stock clients show the text in their log.</summary>
    /// <param name="status">The HTTP status, 4xx or 5xx.</param>
    /// <param name="phrase">Its phrase.</param>
    /// <param name="text">Why, in a sentence.</param>
    public static byte[] Refusing(int status, string phrase, string text)
    {
        byte[] body = Encoding.UTF8.GetBytes($"{text}\n");
        string challenge = status == 401 ? "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n" : ""; // A 401 has to say what would do (RFC 6750 §3.1).
        string head = $"HTTP/1.1 {status} {phrase}\r\n{challenge}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n";
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }
}
