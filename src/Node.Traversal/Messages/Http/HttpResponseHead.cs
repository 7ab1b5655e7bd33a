using System.Buffers.Text;
using System.Text;

namespace Node.Traversal.Messages.Http;

/// <summary>What became of reading a head.</summary>
internal enum HttpHeadRead
{
    /// <summary>More must come before it is whole.</summary>
    Partial,

    /// <summary>It is whole.</summary>
    Whole,

    /// <summary>This is no HTTP/1.1, or it is too long.</summary>
    Malformed,
}

/// <summary>
/// The head of an HTTP response (RFC 9112 §4 and §5): a status line <c>HTTP/1.x SP 3 digits [SP reason]</c>, field lines <c>name:value</c>,
/// and an empty line, each ended by CR LF or LF. It aliases the input.
/// </summary>
internal readonly ref struct HttpResponseHead
{
    /// <summary>The longest head, in bytes: what is longer is not from a proxy or a relay that answers a question of ours.</summary>
    public const int MaxLength = 8 << 10;

    private const int StatusOffset = 9; // Behind "HTTP/1.1 ".
    private const int StatusLength = 3;
    private const int MaxReasonLength = 80;

    private readonly ReadOnlySpan<byte> _fields;
    private readonly ReadOnlySpan<byte> _reason;

    private HttpResponseHead(int length, int statusCode, ReadOnlySpan<byte> reason, ReadOnlySpan<byte> fields)
    {
        Length = length;
        StatusCode = statusCode;
        _reason = reason;
        _fields = fields;
    }

    /// <summary>Its length in bytes, the empty line included.</summary>
    public int Length { get; }

    /// <summary>The status code, 100 to 599.</summary>
    public int StatusCode { get; }

    /// <summary>The status code and the reason, to be shown: bounded, printable ASCII.</summary>
    public string Status
    {
        get
        {
            StringBuilder text = new($"{StatusCode}");
            ReadOnlySpan<byte> reason = _reason[..Math.Min(_reason.Length, MaxReasonLength)].Trim((byte)' ');
            if (!reason.IsEmpty) text.Append(' ');
            foreach (byte character in reason) text.Append(character is >= (byte)' ' and <= (byte)'~' ? (char)character : '?');
            return text.ToString();
        }
    }

    /// <summary>The length of the body, as Content-Length says; null = it does not say, or something that is no length.</summary>
    public long? ContentLength =>
        TryFind("Content-Length"u8, out ReadOnlySpan<byte> value) && Utf8Parser.TryParse(value, out long length, out int read) && read == value.Length && length >= 0 ? length : null;

    /// <summary>Reads a head from the beginning of <paramref name="input"/>.</summary>
    public static HttpHeadRead TryRead(ReadOnlySpan<byte> input, out HttpResponseHead head)
    {
        head = default;
        if (!IsStartOfStatusLine(input)) return HttpHeadRead.Malformed; // Found out at once, not only when a head's length has come.

        int end = EndOf(input);
        if (end < 0) return input.Length < MaxLength ? HttpHeadRead.Partial : HttpHeadRead.Malformed;
        if (end > MaxLength) return HttpHeadRead.Malformed;

        int line = input.IndexOf((byte)'\n');
        ReadOnlySpan<byte> status = input[..line].TrimEnd((byte)'\r');
        if (status.Length < StatusOffset + StatusLength || !Utf8Parser.TryParse(status.Slice(StatusOffset, StatusLength), out ushort code, out int read) || read != StatusLength || code is < 100 or > 599) return HttpHeadRead.Malformed;

        ReadOnlySpan<byte> reason = status[(StatusOffset + StatusLength)..];
        if (!reason.IsEmpty && reason[0] != ' ') return HttpHeadRead.Malformed;
        head = new HttpResponseHead(end, code, reason, input[(line + 1)..end]);
        return HttpHeadRead.Whole;
    }

    /// <summary>Finds the first field of that name, in any case.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">Its value, without the space around it.</param>
    public bool TryFind(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> rest = _fields;
        while (rest.IndexOf((byte)'\n') is var end and >= 0)
        {
            ReadOnlySpan<byte> line = rest[..end].TrimEnd((byte)'\r');
            rest = rest[(end + 1)..];
            if (line.Length <= name.Length || line[name.Length] != ':' || !Ascii.EqualsIgnoreCase(line[..name.Length], name)) continue;
            value = line[(name.Length + 1)..].Trim(" \t"u8);
            return true;
        }

        value = default;
        return false;
    }

    private static bool IsStartOfStatusLine(ReadOnlySpan<byte> input)
    {
        ReadOnlySpan<byte> prefix = "HTTP/1."u8;
        return input.Length < prefix.Length ? prefix.StartsWith(input) : input.StartsWith(prefix) && (input.Length < StatusOffset || input[StatusOffset - 1] == ' ');
    }

    /// <summary>Where the head ends, behind its empty line; below 0 = not yet.</summary>
    private static int EndOf(ReadOnlySpan<byte> input)
    {
        for (int at = 0; input[at..].IndexOf((byte)'\n') is var found and >= 0;)
        {
            at += found + 1;
            if (at < input.Length && input[at] == '\n') return at + 1;
            if (at + 1 < input.Length && input[at] == '\r' && input[at + 1] == '\n') return at + 2;
            if (at > MaxLength) break;
        }

        return -1;
    }
}
