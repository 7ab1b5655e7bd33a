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

    /// <summary>How much longer than to the core of the network and back it takes from a node to here and back.</summary>
    public Func<SimNode, TimeSpan> Farther { get; init; } = _ => TimeSpan.Zero;

    /// <inheritdoc/>
    public void Receive(SimPacket packet)
    {
        if (packet.Destination != Address || !StunMessage.LooksLikeStun(packet.Payload))
        {
            _world.Drop(packet, SimDrop.NotHeard);
            return;
        }

        _world.CountDelivered();
        TransactionId id = TransactionId.Read(packet.Payload.AsSpan(8));
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(answer, id, Lie is { } lie ? lie(packet.Source) : packet.Source);
        TimeSpan farther = packet.Origin is { } node ? Farther(node) : TimeSpan.Zero;
        if (farther > TimeSpan.Zero) _world.After(farther, () => Answer(packet.Source, answer[..length]));
        else Answer(packet.Source, answer[..length]);
    }

    private void Answer(TransportAddress to, byte[] answer)
    {
        _world.CountSent();
        _world.Send(new SimPacket(Address, to, answer));
    }
}
