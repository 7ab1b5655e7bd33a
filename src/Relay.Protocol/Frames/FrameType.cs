namespace Relay.Protocol.Frames;

/// <summary>
/// The types of frame, DERP version 2: the protocol on one page. "c→s" is client to server.
/// A frame is its type (8 bits), the length of its body (32 bits, big-endian, these 5 bytes not counted) and its body. Types neither
/// end knows are skipped by their length.
/// </summary>
public enum FrameType : byte
{
    /// <summary>s→c, the first frame always: magic (8 bytes), the server's public key (32); more may follow and is ignored.</summary>
    ServerKey = 0x01,

    /// <summary>c→s, the first frame always, once: the client's public key (32), nonce (24), box of JSON.</summary>
    ClientInfo = 0x02,

    /// <summary>s→c, when the client can be reached: nonce (24), box of JSON. May come again.</summary>
    ServerInfo = 0x03,

    /// <summary>c→s: destination's key (32), packet (0 to 65,536).</summary>
    SendPacket = 0x04,

    /// <summary>s→c: source's key (32), packet.</summary>
    RecvPacket = 0x05,

    /// <summary>s→c: empty.</summary>
    KeepAlive = 0x06,

    /// <summary>c→s: 1 byte, 1 = this relay is the client's home, 0 = it is not.</summary>
    NotePreferred = 0x07,

    /// <summary>s→c: a peer's key (32), <see cref="PeerGoneReason"/> (1, may be absent).</summary>
    PeerGone = 0x08,

    /// <summary>s→watcher: a peer's key (32), then its address (16), port (2), flags (1), each of which may be absent.</summary>
    PeerPresent = 0x09,

    /// <summary>mesh→s: source's key (32), destination's key (32), packet.</summary>
    ForwardPacket = 0x0a,

    /// <summary>mesh→s: empty.</summary>
    WatchConns = 0x10,

    /// <summary>mesh→s: a peer's key (32).</summary>
    ClosePeer = 0x11,

    /// <summary>Both ways: 8 bytes of the sender's choice (a server takes up to 1000 and uses the first 8).</summary>
    Ping = 0x12,

    /// <summary>Both ways: the 8 bytes of the Ping.</summary>
    Pong = 0x13,

    /// <summary>s→c: text for the user; empty = all is well.</summary>
    Health = 0x14,

    /// <summary>s→c: reconnect in (32 bits), try for (32 bits), both in milliseconds.</summary>
    Restarting = 0x15,

    /// <summary>c→s, of ours, between ends that said "ext": a token that lets the client use the relay (<see cref="Extensions.TokenFrame"/>).</summary>
    Token = 0x40,

    /// <summary>s→c, of ours, between ends that said "ext": connect to another relay, and leave this one (<see cref="Extensions.MoveFrame"/>).</summary>
    Move = 0x41,
}

/// <summary>Why a peer cannot be reached at this relay.</summary>
public enum PeerGoneReason : byte
{
    /// <summary>It was here and has left.</summary>
    Disconnected = 0,

    /// <summary>It is not here.</summary>
    NotHere = 1,
}
