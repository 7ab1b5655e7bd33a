namespace Relay.Protocol.Disco;

/// <summary>
/// The envelope of every message between nodes: magic (6 bytes), the sender's public key (32), nonce (24), box. The magic is the field's,
/// so any relay gives these packets a lane of their own. The sender's key is a disco key, but for <see cref="Hello"/>, which is sealed
/// between node keys.
/// </summary>
public static class DiscoEnvelope
{
    /// <summary>What an envelope adds to a message, in bytes.</summary>
    public const int Overhead = PacketKinds.MinDiscoLength + Box.Overhead;

    private const int KeyOffset = 6;
    private const int NonceOffset = KeyOffset + NodeKey.Length;

    /// <summary>Seals <paramref name="message"/>.</summary>
    /// <param name="sender">The public key that opens the box at the other end; it goes in clear.</param>
    /// <param name="box">Between the sender's private and the receiver's public key.</param>
    /// <param name="nonce">24 bytes that were never used before.</param>
    /// <param name="message">Type, version, body.</param>
    public static byte[] Seal(NodeKey sender, Box box, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> message)
    {
        byte[] envelope = new byte[Overhead + message.Length];
        PacketKinds.DiscoMagic.CopyTo(envelope);
        sender.CopyTo(envelope.AsSpan(KeyOffset));
        nonce[..Box.NonceLength].CopyTo(envelope.AsSpan(NonceOffset));
        box.Seal(message, nonce, envelope.AsSpan(PacketKinds.MinDiscoLength));
        return envelope;
    }

    /// <summary>Reads who claims to have sealed this, without any curve operation: unknown keys can be dropped for nothing.</summary>
    /// <returns>False where this is no envelope, or too short to hold a box.</returns>
    public static bool TryReadSender(ReadOnlySpan<byte> envelope, out NodeKey sender)
    {
        sender = default;
        if (envelope.Length < Overhead || !envelope.StartsWith(PacketKinds.DiscoMagic)) return false;
        sender = new NodeKey(envelope.Slice(KeyOffset, NodeKey.Length));
        return true;
    }

    /// <summary>Opens an envelope that <see cref="TryReadSender"/> has accepted.</summary>
    /// <param name="envelope">The whole envelope.</param>
    /// <param name="box">Between our private key and the sender's public key.</param>
    /// <param name="message">Takes the message: <paramref name="envelope"/>'s length less <see cref="Overhead"/>.</param>
    /// <returns>False where the box does not open.</returns>
    public static bool TryOpen(ReadOnlySpan<byte> envelope, Box box, Span<byte> message) =>
        box.TryOpen(envelope[PacketKinds.MinDiscoLength..], envelope.Slice(NonceOffset, Box.NonceLength), message);
}
