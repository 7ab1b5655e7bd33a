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

    /// <summary>Says that the client would rather be with another relay of the region (the field Ideal-Node names it).</summary>
    public bool IsNotIdeal { get; init; }

    /// <summary>The value of X-Forwarded-For, several fields joined by commas; null or empty where there is none. Only a trusted proxy's counts.</summary>
    public string? ForwardedFor { get; init; }

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
        string subprotocols = Fields(lines, "Sec-WebSocket-Protocol");
        bool isBareWebSocket = Is(upgrade, "websocket") && !subprotocols.Contains("derp", StringComparison.OrdinalIgnoreCase);
        request = new UpgradeRequest(PathOf(first[1]), Is(upgrade, "derp") || isBareWebSocket, Field(lines, "Derp-Fast-Start") == "1", end + BlankLine.Length)
        {
            BearerToken = BearerTokenOf(Field(lines, "Authorization")),
            IsNotIdeal = Field(lines, "Ideal-Node").Length > 0,
            ForwardedFor = Fields(lines, "X-Forwarded-For"),
        };
        return true;
    }

    /// <summary>The path of the target: without the query, and without the origin that a request through a proxy has (RFC 9112 §3.2.2).</summary>
    private static string PathOf(string target)
    {
        int origin = target.StartsWith('/') ? -1 : target.IndexOf("://", StringComparison.Ordinal);
        if (origin >= 0)
        {
            int slash = target.IndexOf('/', origin + "://".Length);
            target = slash < 0 ? "/" : target[slash..];
        }

        return target.Split('?', 2)[0];
    }

    private static string? BearerTokenOf(string authorization) =>
        authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? authorization[Bearer.Length..].Trim() : null;

    private static string Field(string[] lines, string name) => ValuesOf(lines, name).FirstOrDefault("");

    private static string Fields(string[] lines, string name) => string.Join(',', ValuesOf(lines, name));

    private static IEnumerable<string> ValuesOf(string[] lines, string name)
    {
        for (int i = 1; i < lines.Length; i++)
        {
            int colon = lines[i].IndexOf(':');
            if (colon == name.Length && lines[i].StartsWith(name, StringComparison.OrdinalIgnoreCase)) yield return lines[i][(colon + 1)..].Trim();
        }
    }

    private static bool Is(string value, string wanted) => string.Equals(value, wanted, StringComparison.OrdinalIgnoreCase);
}
