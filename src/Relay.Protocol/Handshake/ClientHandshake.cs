using System.Text;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Handshake;

/// <summary>
/// The client's side of a relay connection's beginning, from the HTTP upgrade to ServerInfo: bytes in, bytes out. What arrives behind the
/// end stays with the caller, for it is frames already.
/// </summary>
public sealed class ClientHandshake
{
    /// <summary>The longest head of an HTTP answer, and the most of a refusal's text that is shown, in bytes.</summary>
    public const int MaxHeadLength = 8 << 10;

    private const int MaxReasonLength = 200;

    private readonly NodeKeyPair _own;
    private readonly ClientInfo _info;
    private readonly byte[] _nonce;
    private byte[]? _output;
    private Step _step;
    private long _skip;

    /// <summary>Begins: the upgrade request is ready to be taken.</summary>
    /// <param name="own">The client's keys.</param>
    /// <param name="host">The value of the Host field: the relay's name, with the port where it is not the usual one.</param>
    /// <param name="info">What the client says of itself.</param>
    /// <param name="nonce">24 bytes that were never used before.</param>
    /// <param name="token">What lets the client use the relay; null = nothing. Printable characters without a space.</param>
    /// <param name="path">The path of the upgrade.</param>
    /// <param name="idealNode">The relay of the region that the client would rather be with, which the relay counts; null = this one. Printable characters without a space.</param>
    /// <exception cref="ArgumentException">The token or the name holds something else.</exception>
    public ClientHandshake(NodeKeyPair own, string host, ClientInfo info, ReadOnlySpan<byte> nonce, string? token = null, string path = "/derp", string? idealNode = null)
    {
        // Anything else would end up as other fields.
        if (!IsFieldValue(token)) throw new ArgumentException("A token has printable characters only.", nameof(token));
        if (!IsFieldValue(idealNode)) throw new ArgumentException("A relay's name has printable characters only.", nameof(idealNode));
        string authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
        string ideal = idealNode is null ? "" : $"Ideal-Node: {idealNode}\r\n";
        _own = own;
        _info = info;
        _nonce = nonce[..Box.NonceLength].ToArray();
        _output = Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: relay-node\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n{authorization}{ideal}\r\n");
    }

    private enum Step
    {
        Response,
        ServerKey,
        ServerInfo,
        Complete,
    }

    /// <summary>Says whether the relay has let us in: frames flow.</summary>
    public bool IsComplete => _step == Step.Complete;

    /// <summary>The relay's key; known once it has said it.</summary>
    public NodeKey ServerKey { get; private set; }

    /// <summary>What the relay says of itself; null until complete.</summary>
    public ServerInfo? ServerInfo { get; private set; }

    /// <summary>Takes what is to be sent; null = nothing now.</summary>
    public byte[]? TakeOutput()
    {
        byte[]? output = _output;
        _output = null;
        return output;
    }

    /// <summary>Takes what has arrived and was not consumed before.</summary>
    /// <returns>The bytes consumed.</returns>
    /// <exception cref="RelayProtocolException">The relay refuses, or is none: the message says what it answered.</exception>
    public int Receive(ReadOnlySpan<byte> input)
    {
        int consumed = 0;
        while (!IsComplete)
        {
            int step = _step == Step.Response ? ReceiveResponse(input[consumed..]) : ReceiveFrame(input[consumed..]);
            if (step == 0) break;
            consumed += step;
        }

        return consumed;
    }

    private static bool IsFieldValue(string? text) => text is null || text.All(character => character is > ' ' and <= '~');

    private int ReceiveResponse(ReadOnlySpan<byte> input)
    {
        int end = input.IndexOf("\r\n\r\n"u8);
        if (end < 0 && input.Length < MaxHeadLength) return 0;
        if (end < 0 || end > MaxHeadLength) throw new RelayProtocolException("The answer to the upgrade is no HTTP.");

        string head = Encoding.Latin1.GetString(input[..end]);
        string first = head.Split("\r\n", 2)[0];
        string[] words = first.Split(' ', 3);
        if (words.Length < 2 || !words[0].StartsWith("HTTP/1.", StringComparison.Ordinal)) throw new RelayProtocolException("The answer to the upgrade is no HTTP.");
        if (words[1] != "101")
        {
            ReadOnlySpan<byte> body = input[(end + 4)..];
            string reason = Encoding.UTF8.GetString(body[..Math.Min(body.Length, MaxReasonLength)]).Trim();
            throw new RelayProtocolException($"The relay answers {words[1]}{(reason.Length > 0 ? $": {Printable(reason)}" : "")}.");
        }

        _step = Step.ServerKey;
        return end + 4;
    }

    private int ReceiveFrame(ReadOnlySpan<byte> input)
    {
        if (_skip > 0)
        {
            int skipped = (int)Math.Min(_skip, input.Length);
            _skip -= skipped;
            return skipped;
        }

        if (!FrameHeader.TryRead(input, out FrameHeader header)) return 0;
        FrameType wanted = _step == Step.ServerKey ? FrameType.ServerKey : FrameType.ServerInfo;
        if (header.Type != wanted && _step == Step.ServerKey) throw new RelayProtocolException($"The first frame is of type {(int)header.Type}, not ServerKey.");
        if (header.BodyLength > (header.Type == wanted ? RelayLimits.MaxServerInfoLength : RelayLimits.MaxFrameLength)) throw new RelayProtocolException($"A frame of type {(int)header.Type} with {header.BodyLength} bytes.");
        if (header.Type != wanted)
        {
            _skip = header.BodyLength;
            return FrameHeader.Length;
        }

        int length = FrameHeader.Length + (int)header.BodyLength;
        if (input.Length < length) return 0;
        Handle(input[FrameHeader.Length..length]);
        return length;
    }

    private void Handle(ReadOnlySpan<byte> body)
    {
        if (_step == Step.ServerKey)
        {
            if (!ServerKeyFrame.TryRead(body, out NodeKey key)) throw new RelayProtocolException("The ServerKey frame is malformed.");
            ServerKey = key;
            _output = _info.ToFrame(_own, key, _nonce);
            _step = Step.ServerInfo;
            return;
        }

        if (!Handshake.ServerInfo.TryOpen(body, _own, ServerKey, out ServerInfo? info)) throw new RelayProtocolException("The ServerInfo does not open or is malformed.");
        ServerInfo = info;
        _step = Step.Complete;
    }

    private static string Printable(string text) => string.Concat(text.Select(character => char.IsControl(character) ? ' ' : character));
}
