using Addresses;
using Stun.Protocol;

namespace Simulation;

/// <summary>A STUN server with one address; its answers are real ones.</summary>
public sealed class SimStun : ISimReceiver
{
    private readonly SimWorld _world;

    /// <summary>Makes a server that answers.</summary>
    public SimStun(SimWorld world, TransportAddress address)
    {
        _world = world;
        Address = address;
        world.Attach(address, this);
    }

    /// <summary>Where it listens.</summary>
    public TransportAddress Address { get; }

    /// <summary>What it claims to see, where it lies; null = it tells the truth.</summary>
    public Func<TransportAddress, TransportAddress>? Lie { get; set; }

    /// <inheritdoc/>
    public void Receive(TransportAddress source, TransportAddress destination, byte[] payload)
    {
        if (destination != Address || !StunMessage.LooksLikeStun(payload)) return;
        TransactionId id = TransactionId.Read(payload.AsSpan(8));
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(answer, id, Lie is { } lie ? lie(source) : source);
        _world.Carry(destination, source, answer[..length]);
    }
}
