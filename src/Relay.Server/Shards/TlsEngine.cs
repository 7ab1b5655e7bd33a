namespace Relay.Server.Shards;

/// <summary>TLS by OpenSSL. Runs of frames become records of 16 KiB, however the packets came.</summary>
internal sealed unsafe class TlsEngine : IEngine, IDisposable
{
    private const int MaxRecordLength = 16 << 10;
    private const int MaxRecordOverhead = 256; // RFC 8446 §5.2: at most 256 bytes more than the plaintext; RFC 5246's ciphers stay below.

    private readonly SocketBio _bio;

    public TlsEngine(OutBuffer* output) => _bio = new SocketBio(output);

    /// <summary>What OpenSSL holds of a socket at most, all opened: 64 KiB and a record that had begun before.</summary>
    public int MaxReadLength => 96 << 10;

    /// <summary>Why the last handshake failed.</summary>
    public string Problem { get; private set; } = "";

    public bool TryOpen(ShardConnection connection)
    {
        connection.Ssl = connection.Endpoint.Tls!.Open();
        if (connection.Ssl == 0) return false;
        _bio.Attach(connection.Ssl);
        return true;
    }

    public HandshakeState Handshake(ShardConnection connection)
    {
        BeginTurn(connection);
        int result = OpenSsl.DoHandshake(connection.Ssl);
        if (result == 1) return HandshakeState.Done;
        if (OpenSsl.GetError(connection.Ssl, result) is OpenSsl.ErrorWantRead && !_bio.Turn->HasEnded) return HandshakeState.Waiting;
        Problem = OpenSsl.LastError();
        return HandshakeState.Failed;
    }

    public int Read(ShardConnection connection, byte* buffer, out ReadState state)
    {
        BeginTurn(connection);
        int length = 0;
        while (true)
        {
            int read = OpenSsl.Read(connection.Ssl, buffer + length, MaxReadLength - length);
            if (read > 0)
            {
                length += read;
                if (length < MaxReadLength) continue;
                break; // Cannot be: OpenSSL holds less than that. What were left inside would wait for the next turn.
            }

            bool isWaiting = OpenSsl.GetError(connection.Ssl, read) is OpenSsl.ErrorWantRead && !_bio.Turn->HasEnded;
            state = isWaiting ? ReadState.Open : ReadState.Ended;
            if (!isWaiting) OpenSsl.ClearErrors();
            return length;
        }

        state = ReadState.Open;
        return length;
    }

    public bool TrySeal(ShardConnection connection, byte* bytes, int length)
    {
        _bio.Turn->Socket = connection.Socket;
        _bio.Turn->MayReceive = false;
        while (length > 0)
        {
            int part = Math.Min(length, MaxRecordLength);
            if (OpenSsl.Write(connection.Ssl, bytes, part) != part)
            {
                OpenSsl.ClearErrors();
                return false;
            }

            bytes += part;
            length -= part;
        }

        return true;
    }

    public int MaxSealedLength(int length) => length + ((length / MaxRecordLength) + 1) * MaxRecordOverhead;

    public void Finish(ShardConnection connection)
    {
        _bio.Turn->Socket = connection.Socket;
        _bio.Turn->MayReceive = false;
        if (OpenSsl.Shutdown(connection.Ssl) < 0) OpenSsl.ClearErrors(); // It was not open yet.
    }

    public void Free(ShardConnection connection)
    {
        if (connection.Ssl != 0) OpenSsl.Free(connection.Ssl);
        connection.Ssl = 0;
    }

    public void Dispose() => _bio.Dispose();

    private void BeginTurn(ShardConnection connection)
    {
        _bio.Turn->Socket = connection.Socket;
        _bio.Turn->MayReceive = true;
        _bio.Turn->HasEnded = false;
    }
}
