using System.Text;

namespace Relay.Protocol.Handshake;

/// <summary>The head of an HTTP/1.1 request, as far as a relay needs it to tell its own clients from others.</summary>
/// <param name="Path">The path, without the query.</param>
/// <param name="IsDerp">Says that the client asks for an upgrade to DERP (or, as very old clients spell it, to a WebSocket without a subprotocol).</param>
/// <param name="IsFastStart">Says that the client knows the server's key and wants no HTTP answer.</param>
/// <param name="Length">The length of the head in bytes, the blank line counted. What follows is the client's first frame.</param>
public readonly record struct UpgradeRequest(string Path, bool IsDerp, bool IsFastStart, int Length)
{
    /// <summary>The longest head that is read, in bytes.</summary>
    public const int MaxLength = 8 << 10;

    private const string Bearer = "Bearer "; // RFC 6750 §2.1; the scheme is matched in any case (RFC 9110 §11.1).

    private static ReadOnlySpan<byte> BlankLine => "\r\n\r\n"u8;

    /// <summary>The token of an <c>Authorization: Bearer</c> field; null where there is none.</summary>
    public string? BearerToken { get; init; }

    /// <summary>Reads a head; false until the blank line has arrived.</summary>
    /// <exception cref="RelayProtocolException">The head is longer than <see cref="MaxLength"/> or its first line is no request line.</exception>
    public static bool TryRead(ReadOnlySpan<byte> input, out UpgradeRequest request)
    {
        request = default;
        int end = input.IndexOf(BlankLine);
        if (end < 0 && input.Length < MaxLength) return false;
        if (end < 0 || end + BlankLine.Length > MaxLength) throw new RelayProtocolException($"The head of the HTTP request is over {MaxLength} bytes.");

        string[] lines = Encoding.Latin1.GetString(input[..end]).Split("\r\n");
        string[] first = lines[0].Split(' ');
        if (first.Length != 3 || !first[2].StartsWith("HTTP/1.", StringComparison.Ordinal)) throw new RelayProtocolException("This is neither HTTP/1.1 nor DERP.");

        string upgrade = Field(lines, "Upgrade");
        string subprotocols = Field(lines, "Sec-WebSocket-Protocol");
        bool isBareWebSocket = Is(upgrade, "websocket") && !subprotocols.Contains("derp", StringComparison.OrdinalIgnoreCase);
        string path = first[1].Split('?', 2)[0];
        request = new UpgradeRequest(path, Is(upgrade, "derp") || isBareWebSocket, Field(lines, "Derp-Fast-Start") == "1", end + BlankLine.Length)
        {
            BearerToken = BearerTokenOf(Field(lines, "Authorization")),
        };
        return true;
    }

    private static string? BearerTokenOf(string authorization) =>
        authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? authorization[Bearer.Length..].Trim() : null;

    private static string Field(string[] lines, string name)
    {
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':');
            if (colon == name.Length && line.StartsWith(name, StringComparison.OrdinalIgnoreCase)) return line[(colon + 1)..].Trim();
        }

        return "";
    }

    private static bool Is(string value, string wanted) => string.Equals(value, wanted, StringComparison.OrdinalIgnoreCase);
}
