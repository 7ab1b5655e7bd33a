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
}
