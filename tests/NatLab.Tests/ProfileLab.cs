namespace NatLab.Tests;

/// <summary>
/// One lab with a site of every kind, in each of which a node starts, finds out what NAT is before it, and ends; a few at a time, for most of the
/// time each waits for silence. The STUN server has two addresses, so a filter shows too. Beside it, two nodes in a lab of their own measure how
/// long NATs keep a mapping: that is hardly anything but waiting.
/// </summary>
public sealed class ProfileLab : IAsyncLifetime
{
    /// <summary>So many run at once: two cores start a program in about half a second, and a node is done in six.</summary>
    private const int AtOnce = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, Task<NatReport>> _profiles = [];
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private Lab? _lab;
    private Task<ForgetfulPair>? _forgetful;

    /// <summary>Every kind there is: each mapping with each filter, and what else a NAT may do.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
    [
        "pub", "fw", "linux",
        "eim-eif", "eim-adf", "eim-apdf", "eimr-eif", "eimr-adf", "eimr-apdf", "adm-eif", "adm-adf", "adm-apdf",
        "edm-eif", "edm-adf", "edm-apdf", "seq-eif", "seq-adf", "seq-apdf", "seq-apdf,step=2",
        "edm-apdf,range=20480-21503", "eimr-apdf,range=30000-30255",
        "eim-eif,hairpin", "eim-apdf,hairpin", "eimr-adf,hairpin",
        "eim-apdf,cgn=eim-apdf", "eim-apdf,cgn=edm-apdf", "eim-eif,cgn=eimr-eif", "eim-apdf,cgn=eimr-apdf",
    ];

    /// <summary>The one whose router has a gateway daemon: only its answer shows that there is a second NAT.</summary>
    public const string WithGateway = "eim-apdf,cgn=eimr-apdf";

    public async ValueTask InitializeAsync()
    {
        if (LabRequirements.MissingForTunnels is not null) return; // Each test says so itself.

        if (LabRequirements.MissingForNetworksWith(ForgetfulPair.Program) is null) _forgetful = ForgetfulPair.RunAsync();
        _lab = await Lab.CreateAsync();
        RelayStation relay = await RelayStation.StartAsync(_lab, hasStun: false);
        await StunStation.StartOursAsync(_lab, RelayStation.StunPort);
        foreach (string kind in Kinds)
        {
            Site site = await _lab.AddSiteAsync($"k{_profiles.Count}", NatKind.Parse(kind));
            _profiles.Add(kind, FindAsync(site, relay, kind == WithGateway));
        }
    }

    /// <summary>What a node behind that kind of NAT has found out.</summary>
    public Task<NatReport> ProfileOfAsync(string kind) => _profiles[kind];

    /// <summary>What became of the two nodes behind NATs that soon forget.</summary>
    internal Task<ForgetfulPair> ForgetfulAsync() => _forgetful ?? throw new LabException("it was not started");

    public async ValueTask DisposeAsync()
    {
        if (_forgetful is not null) await ((Task)_forgetful).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ((Task)Task.WhenAll(_profiles.Values)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Who failed has told its own test.
        if (_lab is not null) await _lab.DisposeAsync();
        _turns.Dispose();
    }

    /// <summary>Lets a node find out; and another one, where two of a NAT's few thousand random ports were the same and made it look like an easy one.</summary>
    private async Task<NatReport> FindAsync(Site site, RelayStation relay, bool hasGateway)
    {
        await _turns.WaitAsync();
        try
        {
            if (hasGateway) await PortMapStation.StartAsync(_lab!, site, external: null);
            NatReport found = await AskNodeAsync(site, relay, hasGateway);
            bool isAsBuilt = found.Mapping == NatWords.Mapping(site.Kind.Carrier ?? site.Kind);
            return isAsBuilt ? found : await AskNodeAsync(site, relay, hasGateway);
        }
        finally
        {
            _turns.Release();
        }
    }

    private async Task<NatReport> AskNodeAsync(Site site, RelayStation relay, bool hasGateway)
    {
        TunnelNode node = await TunnelNode.CreateAsync(_lab!, site.Host, "10.77.0.1");
        await node.Link.StartAsync(new WireGuardPlan { Keys = node.Keys, Addresses = [$"{node.TunnelAddress}/24"], RelayLines = [$"#RelayMap = {relay.MapFile}"], Peers = [] });
        await node.StartAgentAsync();
        await node.Agent!.WaitForLineAsync(line => line.Contains("NAT for IPv4: mapping", StringComparison.Ordinal), Patience);
        NatReport found = await node.WaitForNatAsync(nat => nat.Filtering is not null && nat.IsNested == hasGateway && nat.OffersPortMapping == hasGateway, "known", Patience);
        await node.Agent.StopAsync();
        await node.Link.StopAsync();
        return found;
    }
}
