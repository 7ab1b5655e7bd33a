using Addresses;

namespace Relay.Protocol.Disco;

/// <summary>CallMeMaybe: type 3, version 0, then any number of addresses (16 bytes, IPv4 mapped) with their ports (16 bits). By relay only.</summary>
public static class CallMeMaybe
{
    /// <summary>The most addresses we say or hear at once; more are ignored.</summary>
    public const int MaxAddresses = 32;

    private const int PrefixLength = 2;

    /// <summary>Makes the whole message of the first <see cref="MaxAddresses"/> addresses.</summary>
    public static byte[] ToMessage(IReadOnlyList<TransportAddress> addresses)
    {
        int count = Math.Min(addresses.Count, MaxAddresses);
        byte[] message = new byte[PrefixLength + count * WireAddress.Length];
        message[0] = (byte)DiscoMessageType.CallMeMaybe;
        for (int i = 0; i < count; i++)
        {
            WireAddress.Write(message.AsSpan(PrefixLength + i * WireAddress.Length), addresses[i]);
        }

        return message;
    }

    /// <summary>Reads a message whose type is known to be CallMeMaybe. Another version or a broken list is an empty one, as in the field.</summary>
    public static TransportAddress[] Read(ReadOnlySpan<byte> message)
    {
        if (message.Length < PrefixLength || message[1] != 0 || (message.Length - PrefixLength) % WireAddress.Length != 0) return [];

        TransportAddress[] addresses = new TransportAddress[Math.Min((message.Length - PrefixLength) / WireAddress.Length, MaxAddresses)];
        for (int i = 0; i < addresses.Length; i++)
        {
            addresses[i] = WireAddress.Read(message[(PrefixLength + i * WireAddress.Length)..]);
        }

        return addresses;
    }
}
