using NatLab;

namespace Interop.Tests;

/// <summary>
/// One lab with our STUN server, coturn and Debian's on the same two addresses, and a site behind each of several NATs. In every site the clients run one after
/// the other, so that none disturbs another's NAT; the sites side by side, because they wait for silence most of the time.
/// </summary>
public sealed class StunInteropLab : IAsyncLifetime
{
    public const string Discovery = "turnutils_natdiscovery";
    public const string Client = "turnutils_stunclient";
    public const string Classic = "stun";
    public const string Coturn = "turnserver";
    public const string ClassicServer = "stund";

    private const int OurPort = 3478;
    private const int CoturnPort = 4478;
    private const int ClassicPort = 5478;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Dictionary<(string Kind, string Client), Task<CommandResult>> _answers = [];
    private Lab? _lab;

    public static IReadOnlyList<string> Kinds { get; } = ["pub", "fw", "eim-eif", "eim-adf", "eim-apdf", "eimr-adf", "adm-apdf", "edm-eif", "edm-apdf"];

    public async ValueTask InitializeAsync()
    {
        if (LabRequirements.MissingForNetworks is not null) return; // Each test says so itself.

        _lab = await Lab.CreateAsync();
        StunStation ours = await StunStation.StartOursAsync(_lab, OurPort);
        StunStation? coturn = IsMissing(Coturn) ? null : await StunStation.StartCoturnAsync(_lab, CoturnPort);
        StunStation? classic = IsMissing(ClassicServer) ? null : await StunStation.StartClassicAsync(_lab, ClassicPort);
        string relayNode = await PublishedPrograms.PathOfAsync("relay-node");
        foreach (string kind in Kinds)
        {
            Site site = await _lab.AddSiteAsync($"k{_lab.Sites.Count}", NatKind.Parse(kind));
            Task previous = Task.CompletedTask;
            foreach ((string client, string server, string[] command) in ClientsOf(kind, ours, coturn, classic, relayNode))
            {
                if (IsMissing(client) || server.Length == 0) continue;
                previous = _answers[(kind, client)] = RunAfterAsync(previous, site.Host, command);
            }
        }
    }

    /// <summary>What a client printed behind that kind of NAT; our own client goes by the name of the server it asked.</summary>
    public async Task<CommandResult> AnswerAsync(string kind, string client)
    {
        CommandResult answer = await _answers[(kind, client)];
        TestContext.Current.TestOutputHelper?.WriteLine($"{answer.Output}{answer.Error}");
        return answer;
    }

    public async ValueTask DisposeAsync()
    {
        await ((Task)Task.WhenAll(_answers.Values)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Who failed has told its own test.
        if (_lab is not null) await _lab.DisposeAsync();
    }

    private static bool IsMissing(string program) => LabRequirements.MissingForNetworksWith(program) is not null;

    private static IEnumerable<(string Client, string Server, string[] Command)> ClientsOf(string kind, StunStation ours, StunStation? coturn, StunStation? classic, string relayNode)
    {
        // It waits for ever for an answer to another of its ports, which no NAT lets in.
        if (kind == "pub") yield return (Client, ours.Target, [Client, "-p", $"{OurPort}", Lab.ServerAddress]);
        yield return (Discovery, ours.Target, [Discovery, "-m", "-f", "-p", $"{OurPort}", Lab.ServerAddress]);
        yield return (Classic, ours.Target, [Classic, ours.Target]);
        yield return (Coturn, coturn?.Target ?? "", [relayNode, "stun", coturn?.Target ?? "", "--json"]);
        yield return (ClassicServer, classic?.Target ?? "", [relayNode, "stun", classic?.Target ?? "", "--json"]);
    }

    private static async Task<CommandResult> RunAfterAsync(Task previous, LabHost host, string[] command)
    {
        await previous.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Whoever failed tells its own test.
        return await host.Namespace.TryRunAsync(command, Patience);
    }
}
