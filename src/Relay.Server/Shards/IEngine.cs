namespace Relay.Server.Shards;

/// <summary>How far a turn of reading has come.</summary>
internal enum ReadState
{
    /// <summary>All that was there has been read; more may come.</summary>
    Open,

    /// <summary>The other end has closed the connection, or the network has.</summary>
    Ended,
}

/// <summary>How far a handshake has come.</summary>
internal enum HandshakeState
{
    /// <summary>The other end has to say something first.</summary>
    Waiting,

    /// <summary>It is done.</summary>
    Done,

    /// <summary>It has failed.</summary>
    Failed,
}

/// <summary>What lies between a socket and the plaintext of its connections: TLS, or nothing. One a shard, used by its thread alone.</summary>
internal unsafe interface IEngine
{
    /// <summary>The most a turn of <see cref="Read"/> gives.</summary>
    int MaxReadLength { get; }

    /// <summary>Prepares a new connection; false where there is no memory for it.</summary>
    bool TryOpen(ShardConnection connection);

    /// <summary>Goes on with the handshake. What it has to say is in the shard's buffer afterwards.</summary>
    HandshakeState Handshake(ShardConnection connection);

    /// <summary>Reads the socket once, and gives what that opens.</summary>
    /// <param name="connection">Whose turn it is.</param>
    /// <param name="buffer">Where the plaintext goes: at least <see cref="MaxReadLength"/> bytes.</param>
    /// <param name="state">Whether more may come.</param>
    /// <returns>The bytes of plaintext.</returns>
    int Read(ShardConnection connection, byte* buffer, out ReadState state);

    /// <summary>Seals plaintext into the shard's buffer; false where that fails, and then the connection is lost.</summary>
    bool TrySeal(ShardConnection connection, byte* bytes, int length);

    /// <summary>The length that <paramref name="length"/> bytes of plaintext have at most when sealed.</summary>
    int MaxSealedLength(int length);

    /// <summary>Says good-bye, in the shard's buffer, where the protocol has a word for that.</summary>
    void Finish(ShardConnection connection);

    /// <summary>Frees what the connection holds here.</summary>
    void Free(ShardConnection connection);
}
