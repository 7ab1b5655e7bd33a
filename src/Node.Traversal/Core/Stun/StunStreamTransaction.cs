using System.Buffers.Binary;
using Stun.Protocol;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// One transaction over TCP or TLS: the request is sent once, and the answer is found in the stream by the length in its header
/// (RFC 8489 §6.2.2). Answers to something else are passed over.
/// </summary>
internal sealed class StunStreamTransaction
{
    /// <summary>How long an answer may take, from the end of the handshake (RFC 8489 §6.2.2, Ti).</summary>
    public static readonly TimeSpan Ti = TimeSpan.FromSeconds(39.5);

    /// <summary>The longest message that is waited for, in bytes; more is nothing that a binding request asks for.</summary>
    public const int MaxMessageLength = 2048;

    /// <summary>How many messages that are no answer are passed over before the stream is given up.</summary>
    private const int MaxOthers = 16;

    private readonly TransactionId _id;
    private readonly byte[] _buffer = new byte[MaxMessageLength];
    private int _length;
    private int _others;

    public StunStreamTransaction(EntropySource entropy)
    {
        Span<byte> random = stackalloc byte[TransactionId.Length];
        entropy(random);
        _id = TransactionId.Read(random);
        byte[] request = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(request, _id);
        Request = request;
    }

    /// <summary>The bytes to send.</summary>
    public ReadOnlyMemory<byte> Request { get; }

    /// <summary>How it ended; null = not yet.</summary>
    public StunAnswerKind? Kind { get; private set; }

    /// <summary>The answer, after success.</summary>
    public StunAnswer? Answer { get; private set; }

    /// <summary>The error, after a refusal.</summary>
    public StunErrorCode Error { get; private set; }

    /// <summary>Takes what the stream brought, in pieces of any length. <see cref="StunAnswerKind.Damaged"/> = this is no STUN, or an answer of no use.</summary>
    public void Handle(ReadOnlySpan<byte> received)
    {
        while (!received.IsEmpty && Kind is null)
        {
            int taken = Math.Min(received.Length, _buffer.Length - _length);
            received[..taken].CopyTo(_buffer.AsSpan(_length));
            _length += taken;
            received = received[taken..];
            while (Kind is null && TryTakeMessage())
            {
                // The next one may be there already.
            }
        }
    }

    private bool TryTakeMessage()
    {
        if (_length < StunHeader.Length) return false;
        int length = StunHeader.Length + BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(2));
        if (!StunMessage.LooksLikeStun(_buffer.AsSpan(0, _length)) || length > MaxMessageLength)
        {
            Kind = StunAnswerKind.Damaged;
            return false;
        }

        if (_length < length) return false;
        HandleMessage(_buffer.AsSpan(0, length));
        _buffer.AsSpan(length, _length - length).CopyTo(_buffer);
        _length -= length;
        return true;
    }

    private void HandleMessage(ReadOnlySpan<byte> message)
    {
        bool isAnswer = StunHeader.TryRead(message, out StunHeader header) && header.TransactionId == _id
            && header.Type is (StunMessageType.BindingSuccess or StunMessageType.BindingError);
        if (!isAnswer)
        {
            if (++_others > MaxOthers) Kind = StunAnswerKind.Damaged;
            return;
        }

        Kind = StunAnswerReader.Read(message, header, out StunAnswer? answer, out StunErrorCode error);
        Answer = answer;
        Error = error;
    }
}
