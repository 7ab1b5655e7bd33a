using System.Text.Json;

namespace NatLab.Tests;

/// <summary>
/// One lab with a site of several kinds, whose hosts ask our STUN server with <c>relay-node stun</c>, a few at a time: each waits for silence most
/// of the time, so together they take hardly longer than one.
/// </summary>
public sealed class StunLab : IAsyncLifetime
{
    /// <summary>So many run at once: two cores start a program in about half a second.</summary>
    private const int AtOnce = 6;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private readonly Dictionary<string, Task<CommandResult>> _answers = [];
    private readonly SemaphoreSlim _turns = new(AtOnce);
    private Lab? _lab;
    private StunStation? _station;

    /// <summary>Each answer that there is at least once. Every kind there is, is <see cref="ProfileLab"/>'s: a node asks by the same code.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
    [
        "pub", "fw", "eim-apdf", "eimr-adf", "eimr-apdf,range=30000-30255", "adm-apdf", "edm-adf", "edm-apdf,range=20480-21503", "seq-eif", "seq-apdf,step=2",
        "eim-eif,hairpin", "eim-apdf,cgn=edm-apdf",
    ];

    public Lab Lab => _lab!;

    public async ValueTask InitializeAsync()
    {
        if (LabRequirements.MissingForNetworks is not null) return; // Each test says so itself.

        _lab = await Lab.CreateAsync();
        _station = await StunStation.StartOursAsync(_lab);
        foreach (string kind in Kinds)
        {
            Site site = await _lab.AddSiteAsync($"k{_answers.Count}", NatKind.Parse(kind));
            _answers.Add(kind, AskAsync(site.Host, "--json"));
        }
    }

    /// <summary>What a host behind that kind of NAT was told.</summary>
    public async Task<(CommandResult Result, JsonElement Told)> ToldAsync(string kind)
    {
        CommandResult result = await _answers[kind];
        using JsonDocument document = JsonDocument.Parse(result.Output);
        return (result, document.RootElement.GetProperty("results")[0].Clone());
    }

    public Site SiteOf(string kind) => Lab.Sites.First(site => site.Kind.ToString() == kind);

    public async Task<CommandResult> AskAsync(LabHost host, params string[] options)
    {
        await _turns.WaitAsync();
        try
        {
            string program = await PublishedPrograms.PathOfAsync("relay-node");
            return await host.Namespace.TryRunAsync([program, "stun", _station!.Target, .. options], Patience);
        }
        finally
        {
            _turns.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ((Task)Task.WhenAll(_answers.Values)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Who failed has told its own test.
        if (_lab is not null) await _lab.DisposeAsync();
        _turns.Dispose();
    }
}
