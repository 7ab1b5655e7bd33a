using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Addresses;
using Stun.Protocol;
using Stun.Server.Core;

namespace Stun.Server.Streams;

/// <summary>One connection: messages in, answers out, in order (RFC 8489 §6.2.2). Everything it waits for has a limit.</summary>
internal sealed class StunConnection : IDisposable
{
    private const int MaxMessages = StunFraming.MaxMessageLength / StunHeader.Length; // As many as the input can hold.
    private const int OutputLength = MaxMessages * StunResponder.MinBufferLength; // Bytes: an answer to each of them.
    private const int MaxDrain = 64 << 10; // Bytes read and thrown away at the end, so that the client's system does not throw away our answers.
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(1);

    private readonly Socket _socket;
    private readonly StreamContext _context;
    private readonly ConnectionTimes _times;
    private readonly TransportAddress _source;
    private readonly TransportAddress _local;
    private readonly byte[] _input = new byte[StunFraming.MaxMessageLength];
    private readonly byte[] _message = new byte[StunFraming.MaxMessageLength];
    private readonly byte[] _output = new byte[OutputLength];
    private int _inputLength;
    private int _outputLength;

    public StunConnection(Socket socket, TransportAddress source, TransportAddress local, StreamContext context, ConnectionTimes times)
    {
        _socket = socket;
        _source = source;
        _local = local;
        _context = context;
        _times = times;
        socket.NoDelay = true;
    }

    /// <summary>Serves until the connection ends, for whatever reason.</summary>
    /// <param name="certificate">What to show in a TLS handshake; null for a connection in the clear.</param>
    /// <param name="stopping">The server stops.</param>
    public async Task<ConnectionEnd> RunAsync(SslStreamCertificateContext? certificate, CancellationToken stopping)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var plain = new NetworkStream(_socket, ownsSocket: false);
        await using Stream stream = certificate is null ? plain : new SslStream(plain, leaveInnerStreamOpen: false);
        bool isIdle = false;
        try
        {
            if (stream is SslStream tls)
            {
                deadline.CancelAfter(_times.Message);
                await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = certificate }, deadline.Token);
            }

            while (true)
            {
                ConnectionEnd? end = AnswerWhatIsThere(out int messages);
                if (_outputLength > 0)
                {
                    isIdle = false; // From now on it is the client that is waited for, to take its answers.
                    deadline.CancelAfter(_times.Message);
                }

                await FlushAsync(stream, deadline.Token);
                if (end is not null) return await HangUpAsync(stream, end.Value, deadline);

                // The time of a message runs from its first byte, however slowly the others follow.
                bool begins = _inputLength > 0 && (isIdle || messages > 0);
                isIdle = _inputLength == 0;
                if (begins || isIdle) deadline.CancelAfter(isIdle ? _times.Idle : _times.Message);
                if (!await ReadMoreAsync(stream, deadline.Token)) return await HangUpAsync(stream, EndOfInput(), deadline);
            }
        }
        catch (OperationCanceledException)
        {
            return stopping.IsCancellationRequested ? ConnectionEnd.Stopping : isIdle ? ConnectionEnd.Idle : ConnectionEnd.Slow;
        }
        catch (AuthenticationException)
        {
            return ConnectionEnd.TlsFailed;
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            return stream is SslStream { IsAuthenticated: false } ? ConnectionEnd.TlsFailed : ConnectionEnd.Broken;
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Reads the rest of a message that has begun, or the next one. False at the end of the stream.</summary>
    private async ValueTask<bool> ReadMoreAsync(Stream stream, CancellationToken deadline)
    {
        int read = await stream.ReadAsync(_input.AsMemory(_inputLength), deadline);
        _inputLength += read;
        return read > 0;
    }

    /// <summary>Answers every message that is whole.</summary>
    /// <param name="messages">How many there were, answered or not.</param>
    /// <returns>Why the connection must end; null where it goes on.</returns>
    private ConnectionEnd? AnswerWhatIsThere(out int messages)
    {
        messages = 0;
        int position = 0;
        ConnectionEnd? end = null;
        while (end is null)
        {
            Framing framing = StunFraming.Read(_input.AsSpan(position, _inputLength - position), out int length);
            if (framing == Framing.Incomplete) break;
            if (framing != Framing.Complete)
            {
                _context.CountDrop(framing == Framing.TooLong ? StunDropReason.TooLong : StunDropReason.NotStun);
                end = ConnectionEnd.BadFraming;
                break;
            }

            end = AnswerOne(_input.AsSpan(position, length));
            position += length;
            messages++;
        }

        _input.AsSpan(position, _inputLength - position).CopyTo(_input);
        _inputLength -= position;
        return end;
    }

    private ConnectionEnd? AnswerOne(ReadOnlySpan<byte> message)
    {
        message.CopyTo(_message);
        int length = _context.Answer(_message, message.Length, _source, _local, out bool isRateLimited);
        if (isRateLimited) return ConnectionEnd.RateLimited;
        _message.AsSpan(0, length).CopyTo(_output.AsSpan(_outputLength));
        _outputLength += length;
        return null;
    }

    private async ValueTask FlushAsync(Stream stream, CancellationToken deadline)
    {
        if (_outputLength == 0) return;
        await stream.WriteAsync(_output.AsMemory(0, _outputLength), deadline);
        _outputLength = 0;
    }

    private ConnectionEnd EndOfInput()
    {
        if (_inputLength == 0) return ConnectionEnd.ClosedByClient;
        _context.CountDrop(StunDropReason.Malformed); // The end of a message is missing.
        return ConnectionEnd.BadFraming;
    }

    /// <summary>
    /// Says that no more comes, and reads what the client still sends for a moment: a socket closed on unread bytes resets the connection, and
    /// with it the answers that are on their way.
    /// </summary>
    private async Task<ConnectionEnd> HangUpAsync(Stream stream, ConnectionEnd end, CancellationTokenSource deadline)
    {
        deadline.CancelAfter(DrainTime);
        try
        {
            if (stream is SslStream tls) await tls.ShutdownAsync().WaitAsync(deadline.Token);
            _socket.Shutdown(SocketShutdown.Send);
            for (int drained = 0, read = 1; read > 0 && drained < MaxDrain; drained += read) read = await _socket.ReceiveAsync(_input, deadline.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or SocketException)
        {
            return end; // It is over anyway.
        }

        return end;
    }
}
