namespace Stun.Server.Streams;

/// <summary>What a connection may take its time for.</summary>
/// <param name="Idle">Between messages.</param>
/// <param name="Message">From the first byte of a message to its last, for a TLS handshake, and for the taking of an answer.</param>
internal readonly record struct ConnectionTimes(TimeSpan Idle, TimeSpan Message);
