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

    private static ReadOnlySpan<byte> Bearer => "Bearer "u8; // RFC 6750 §2.1; the scheme is matched in any case (RFC 9110 §11.1).

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

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

        ReadOnlySpan<byte> head = input[..end];
        int firstEnd = head.IndexOf(LineEnd);
        ReadOnlySpan<byte> fields = firstEnd < 0 ? [] : head[(firstEnd + LineEnd.Length)..];
        if (!TryReadTarget(firstEnd < 0 ? head : head[..firstEnd], out ReadOnlySpan<byte> target)) throw new RelayProtocolException("This is neither HTTP/1.1 nor DERP.");

        ReadOnlySpan<byte> upgrade = Field(fields, "Upgrade"u8);
        bool isBareWebSocket = Ascii.EqualsIgnoreCase(upgrade, "websocket"u8) && !Fields(fields, "Sec-WebSocket-Protocol"u8).Contains("derp", StringComparison.OrdinalIgnoreCase);
        bool isDerp = Ascii.EqualsIgnoreCase(upgrade, "derp"u8) || isBareWebSocket;
        request = new UpgradeRequest(PathOf(Encoding.Latin1.GetString(target)), isDerp, Field(fields, "Derp-Fast-Start"u8).SequenceEqual("1"u8), end + BlankLine.Length)
        {
            BearerToken = BearerTokenOf(Field(fields, "Authorization"u8)),
            IsNotIdeal = !Field(fields, "Ideal-Node"u8).IsEmpty,
            ForwardedFor = Fields(fields, "X-Forwarded-For"u8),
        };
        return true;
    }

    /// <summary>Reads the target of a request line: method, target and version, a blank between each.</summary>
    private static bool TryReadTarget(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> target)
    {
        target = default;
        int first = line.IndexOf((byte)' ');
        int last = line.LastIndexOf((byte)' ');
        if (first < 0 || last == first || !line[(last + 1)..].StartsWith("HTTP/1."u8)) return false;
        target = line[(first + 1)..last];
        return !target.Contains((byte)' ');
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

    private static string? BearerTokenOf(ReadOnlySpan<byte> authorization) =>
        authorization.Length >= Bearer.Length && Ascii.EqualsIgnoreCase(authorization[..Bearer.Length], Bearer) ? Encoding.Latin1.GetString(authorization[Bearer.Length..]).Trim() : null;

    /// <summary>The value of the first field of this name; empty where there is none.</summary>
    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name) => TryTake(ref fields, name, out ReadOnlySpan<byte> value) ? value : [];

    /// <summary>The values of all fields of this name, joined by commas.</summary>
    private static string Fields(ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name)
    {
        if (!TryTake(ref fields, name, out ReadOnlySpan<byte> value)) return "";
        string joined = Encoding.Latin1.GetString(value);
        while (TryTake(ref fields, name, out value)) joined = $"{joined},{Encoding.Latin1.GetString(value)}";
        return joined;
    }

    /// <summary>Takes the next field of this name; all before it are passed over. Nothing is allocated: a login is work enough.</summary>
    private static bool TryTake(scoped ref ReadOnlySpan<byte> fields, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        while (!fields.IsEmpty)
        {
            int end = fields.IndexOf(LineEnd);
            ReadOnlySpan<byte> line = end < 0 ? fields : fields[..end];
            fields = end < 0 ? [] : fields[(end + LineEnd.Length)..];
            if (line.Length <= name.Length || line[name.Length] != ':' || !Ascii.EqualsIgnoreCase(line[..name.Length], name)) continue;
            value = line[(name.Length + 1)..];
            value = value[Ascii.Trim(value)];
            return true;
        }

        value = default;
        return false;
    }
}
