namespace Simulation;

/// <summary>A simulated node's connections to relays: it dials those that its core wants, and dials again those that broke.</summary>
/// <param name="world">The world.</param>
/// <param name="node">The node.</param>
/// <param name="random">For the pauses.</param>
/// <param name="tellBroken">Tells the core that a connection has broken, or could not be made.</param>
internal sealed class SimRelayLinks(SimWorld world, SimNode node, Random random, Action<int> tellBroken)
{
    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(1);

    /// <summary>A connection that was lost is tried again at once; one that could not be made, later.</summary>
    private static readonly TimeSpan FirstReconnectAfter = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan VerifyTimeout = TimeSpan.FromMilliseconds(400);

    private readonly HashSet<int> _wanted = [];
    private readonly HashSet<int> _connected = [];

    /// <summary>Those the core wants.</summary>
    public int[] Wanted => [.. _wanted];

    /// <summary>Those there are.</summary>
    public int[] Connected => [.. _connected];

    public bool IsWanted(int region) => _wanted.Contains(region);

    public bool IsConnected(int region) => _connected.Contains(region);

    public void Want(int region)
    {
        _wanted.Add(region);
        Dial(region);
    }

    public void Unwant(int region)
    {
        _wanted.Remove(region);
        _connected.Remove(region);
        world.Relays[region].Disconnect(node);
    }

    public void Dial(int region)
    {
        if (node.WantsRelay(region) && !_connected.Contains(region)) world.Relays[region].Connect(node);
    }

    public void HandleConnected(int region) => _connected.Add(region);

    /// <summary>A connection has broken, or could not be made.</summary>
    public void HandleBroken(int region)
    {
        bool wasConnected = _connected.Remove(region);
        tellBroken(region);
        TimeSpan pause = wasConnected ? FirstReconnectAfter : ReconnectAfter;
        world.After(pause * (0.5 + random.NextDouble()), () => Dial(region));
    }

    /// <summary>The relays lose the node; it does not know yet.</summary>
    public void DisconnectAll()
    {
        foreach (int region in _connected) world.Relays[region].Disconnect(node);
    }

    /// <summary>The process is gone, and all it knew.</summary>
    public void Clear()
    {
        DisconnectAll();
        _connected.Clear();
        _wanted.Clear();
    }

    /// <summary>Asks all relays for a sign of life, and connects again where none comes.</summary>
    public void Verify()
    {
        foreach (int region in Connected) Verify(region);
    }

    private void Verify(int region)
    {
        SimRelay relay = world.Relays[region];
        if (!relay.IsStale(node)) return;
        world.After(VerifyTimeout, () =>
        {
            if (!_connected.Contains(region) || !relay.IsStale(node)) return;
            relay.Disconnect(node);
            _connected.Remove(region);
            tellBroken(region);
            Dial(region);
        });
    }
}
