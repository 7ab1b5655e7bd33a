namespace NatLab;

/// <summary>WireGuard between two public addresses, with endpoints in its configuration and nothing of ours: what to compare with.</summary>
public sealed class PlainTunnel : IAsyncDisposable
{
    private const int Port = 51820;

    private readonly Lab _lab;

    private PlainTunnel(Lab lab, LabHost a, LabHost b)
    {
        _lab = lab;
        A = a;
        B = b;
    }

    public LabHost A { get; }
    public LabHost B { get; }
    public string AddressOfA => "10.77.0.1";
    public string AddressOfB => "10.77.0.2";

    public static async Task<PlainTunnel> CreateAsync()
    {
        Lab lab = await Lab.CreateAsync();
        try
        {
            LabHost a = (await lab.AddSiteAsync("a", NatKind.Public)).Host;
            LabHost b = (await lab.AddSiteAsync("b", NatKind.Public)).Host;
            PlainTunnel tunnel = new(lab, a, b);
            WireGuardKeys keysOfA = await WireGuardKeys.CreateAsync();
            WireGuardKeys keysOfB = await WireGuardKeys.CreateAsync();
            await tunnel.ConnectAsync(a, tunnel.AddressOfA, keysOfA, b, tunnel.AddressOfB, keysOfB);
            await tunnel.ConnectAsync(b, tunnel.AddressOfB, keysOfB, a, tunnel.AddressOfA, keysOfA);
            return tunnel;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _lab.DisposeAsync();

    private Task ConnectAsync(LabHost host, string address, WireGuardKeys keys, LabHost peer, string peerAddress, WireGuardKeys peerKeys) =>
        new WireGuardLink(host, $"{_lab.Name}{host.Name}", _lab.Files).StartAsync(new WireGuardPlan
        {
            Keys = keys,
            Addresses = [$"{address}/24"],
            ListenPort = Port,
            Peers = [new WireGuardPeer(peerKeys.PublicKey, [$"{peerAddress}/32"]) { Endpoint = $"{peer.Address}:{Port}" }],
        });
}
