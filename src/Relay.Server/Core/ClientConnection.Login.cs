using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Timing;

namespace Relay.Server.Core;

/// <content>From the head of the HTTP request to the client that can be reached.</content>
internal sealed partial class ClientConnection
{
    /// <summary>Begins without an HTTP request of its own: somebody else has answered that, and told us what it said.</summary>
    public void BeginWithoutHead(TokenGrant? token, bool isNotIdeal, Instant now)
    {
        _greeting = ServerKey();
        BeginLogin(token, isNotIdeal, now);
    }

    private int ReceiveHead(Span<byte> input, Instant now, HashSet<ClientConnection> woken)
    {
        bool isWhole = UpgradeRequest.TryRead(input, out UpgradeRequest request);
        int headLength = isWhole ? request.Length : input.Length;
        if (headLength > _router.Limits.MaxHeadBytes) throw new RelayProtocolException($"The head of the HTTP request is over {_router.Limits.MaxHeadBytes} bytes.");
        if (!isWhole) return 0;
        if (!request.IsDerp || request.Path != _identity.UpgradePath)
        {
            Phase = ConnectionPhase.OtherHttp;
            return 0; // The web server reads the head again, whole.
        }

        try
        {
            Remote = _identity.TrustedProxies.ClientOf(Remote, request.ForwardedFor);
        }
        catch (RelayProtocolException exception)
        {
            Complaint = exception.Message;
            Refuse(request, new UpgradeRefusal(400, "Bad Request", exception.Message), CloseReason.BadProxyHeader, woken);
            return request.Length;
        }

        if (_identity.Refusal is { } refusal)
        {
            Refuse(request, refusal, CloseReason.Refused, woken);
            return request.Length;
        }

        TokenGrant? token = CheckToken(request.BearerToken);
        if (token is { IsValid: false } bad && _identity.AreTokensRequired && !request.IsFastStart)
        {
            // A client that starts fast reads no HTTP: it hears of it once it has logged in.
            _router.Counters.CountRefusal(bad.Refusal);
            Refuse(request, new UpgradeRefusal(401, "Unauthorized", bad.Message), CloseReason.Refused, woken);
            return request.Length;
        }

        _greeting = request.IsFastStart ? ServerKey() : [.. UpgradeResponse.Switching(_identity.Keys.PublicKey), .. ServerKey()];
        BeginLogin(token, request.IsNotIdeal, now);
        return request.Length;
    }

    private TokenGrant? CheckToken(string? token) => token is null ? null : _identity.CheckToken?.Invoke(token);

    private void BeginLogin(TokenGrant? token, bool isNotIdeal, Instant now)
    {
        _token = token;
        IsNotIdeal = isNotIdeal;
        Phase = ConnectionPhase.Login;
        _deadline = now + _router.Limits.HandshakeTimeout;
    }

    private byte[] ServerKey()
    {
        byte[] frame = new byte[ServerKeyFrame.Length];
        ServerKeyFrame.Write(frame, _identity.Keys.PublicKey);
        return frame;
    }

    /// <summary>Answers an upgrade with a status and a reason, which stock clients log. One that starts fast reads no HTTP, and is cut off.</summary>
    private void Refuse(UpgradeRequest request, UpgradeRefusal refusal, CloseReason reason, HashSet<ClientConnection> woken)
    {
        if (!request.IsFastStart) _greeting = UpgradeResponse.Refusing(refusal.Status, refusal.Phrase, refusal.Text);
        Close(reason, woken);
    }

    private int ReceiveLogin(Span<byte> input, Instant now, HashSet<ClientConnection> woken)
    {
        if (!FrameHeader.TryRead(input, out FrameHeader header)) return 0;
        if (header.Type != FrameType.ClientInfo) throw new RelayProtocolException($"The first frame is of type {(int)header.Type}, not ClientInfo.");

        // It must fit where one SendPacket fits: far more than any client says of itself.
        if (header.BodyLength > MaxInputLength - FrameHeader.Length) throw new RelayProtocolException($"A ClientInfo of {header.BodyLength} bytes.");
        int length = FrameHeader.Length + (int)header.BodyLength;
        if (input.Length < length) return 0;
        if (!ClientInfo.TryOpen(input[FrameHeader.Length..length], _identity.Keys, out NodeKey key, out ClientInfo? info, out _box))
        {
            throw new RelayProtocolException("The ClientInfo does not open or is malformed.");
        }

        Key = key;
        Info = info!;
        Phase = ConnectionPhase.Admission;
        _deadline = now + _router.Limits.HandshakeTimeout;
        IsMeshPeer = _identity.MeshSecret?.Matches(info!.MeshKey) ?? false; // A wrong secret makes an ordinary client, as stock relays have it.
        if (IsMeshPeer) Admit(AdmissionDecision.OfMesh(_identity.MeshTenant), now, woken);
        else if (_identity.IsOpenToAll) Admit(AdmissionDecision.Open, now, woken);
        else _loginRequest = new LoginRequest(key, info!, Remote) { Token = _token };
        return length;
    }
}
