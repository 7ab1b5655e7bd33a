
namespace NatLab;

/// <summary>
/// A small internet of network namespaces on this machine: a core router, a public server with two addresses, and sites behind NATs of their
/// own. Nothing of it touches the machine's own network, and there is no way out of it. Disposing it removes everything, also what a test that
/// failed left running.
/// </summary>
public sealed class Lab : IAsyncDisposable
{
    public const string ServerAddress = "198.19.1.10";
    public const string ServerSecondAddress = "198.19.1.11";
    public const string ServerAddressIPv6 = "2001:db8:f001::10";
    public const string ServerSecondAddressIPv6 = "2001:db8:f001::11";

    /// <summary>Hops that the core adds: with fewer left, a packet does not cross it.</summary>
    public const int CoreHops = 8;

    private const int MaxSites = 99; // Their number is a byte of their addresses, and public ones use it plus 100.

    private readonly LabClaim _claim;
    private readonly Dictionary<string, string> _environment;
    private readonly List<LabProcess> _processes = [];
    private readonly List<LabNameServer> _servers = [];
    private readonly List<Site> _sites = [];
    private readonly NetworkNamespace _core;

    private Lab(LabClaim claim)
    {
        _claim = claim;
        _environment = new Dictionary<string, string> { [LabClaim.EnvironmentMark] = claim.Name };
        Files = LabRemains.FilesOf(claim.Name);
        _core = NamespaceOf("inet");
        Server = new LabHost(this, "s1", NamespaceOf("s1"));
    }

    /// <summary>The lab's name: the start of the names of its namespaces, and of any interface that must not meet another lab's.</summary>
    public string Name => _claim.Name;

    /// <summary>A directory of the lab's own for configuration files; it goes with the lab.</summary>
    public string Files { get; }

    /// <summary>The public server, <see cref="ServerAddress"/> and <see cref="ServerSecondAddress"/>.</summary>
    public LabHost Server { get; }

    public IReadOnlyList<Site> Sites => _sites;

    /// <summary>Builds the core and the public server, and removes labs that others have abandoned.</summary>
    /// <exception cref="LabException">The kernel or a program refuses; what was built is removed again.</exception>
    public static async Task<Lab> CreateAsync()
    {
        Lab lab = new(LabClaim.Take());
        try
        {
            Directory.CreateDirectory(lab.Files, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            await lab.BuildCoreAsync();
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a site: a router that behaves as <paramref name="kind"/>, with one host behind it named as the site.</summary>
    /// <param name="name">Its name, part of interface names: short.</param>
    /// <param name="kind">The router's NAT.</param>
    /// <param name="ipv6">What IPv6 it has.</param>
    /// <param name="delay">From the router to the core, one way, up to ten seconds; zero = none.</param>
    public async Task<Site> AddSiteAsync(string name, NatKind kind, IPv6Access ipv6 = IPv6Access.None, TimeSpan delay = default)
    {
        if (_sites.Count == MaxSites) throw new LabException($"a lab has {MaxSites} sites at most");

        Site site = new(this, name, _sites.Count + 1, kind, ipv6, delay);
        _sites.Add(site);
        await site.BuildAsync(_core);
        await site.AddHostAsync(name);
        return site;
    }

    /// <summary>Stops UDP between two sites, both ways. What they send to the public server still arrives.</summary>
    public Task CutUdpAsync(Site one, Site other) => ChangeCutAsync("add", [(one, other), (other, one)]);

    /// <summary>Stops UDP from one site to another, and not the other way.</summary>
    public Task CutUdpOneWayAsync(Site from, Site to) => ChangeCutAsync("add", [(from, to)]);

    /// <summary>Lets UDP between two sites pass again.</summary>
    public Task HealUdpAsync(Site one, Site other) => ChangeCutAsync("delete", [(one, other), (other, one)]);

    /// <summary>Lets UDP from one site to another pass again.</summary>
    public Task HealUdpOneWayAsync(Site from, Site to) => ChangeCutAsync("delete", [(from, to)]);

    /// <summary>Leads one more public address to a site's router.</summary>
    public Task RouteToAsync(Site site, string address) => _core.IpAsync($"route add {address}/32 via {site.PublicAddress}");

    /// <summary>The last words of every program, for the message of a test that failed.</summary>
    public string Describe() => string.Join('\n', _processes.Where(process => process.Lines.Count > 0).Select(process => process.Tail()));

    public async ValueTask DisposeAsync()
    {
        foreach (LabNameServer server in _servers) server.Dispose();
        foreach (LabProcess process in _processes) process.Signal(UnixSignal.Kill);
        foreach (LabProcess process in _processes) await process.DisposeAsync();
        _claim.Dispose();
    }

    internal NetworkNamespace NamespaceOf(string name) => new($"{Name}-{name}", _environment);

    /// <summary>Makes the namespace, with what must be set before it has links.</summary>
    internal static async Task CreateNamespaceAsync(NetworkNamespace created, bool forwards)
    {
        await Command.RunAsync(["ip", "netns", "add", created.Name]);
        List<(string, string)> settings =
        [
            ("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0"),
            ("ipv6/conf/all/accept_dad", "0"), ("ipv6/conf/default/accept_dad", "0"), // Else IPv6 cannot be used for a second or two.
            ("ipv4/icmp_ratelimit", "0"), ("ipv4/conf/all/src_valid_mark", "1"),
        ];
        if (forwards) settings.AddRange([("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")]);
        // A packet that a router turns back into the LAN it came from would make it advise the host against itself.
        if (forwards) settings.AddRange([("ipv4/conf/all/send_redirects", "0"), ("ipv4/conf/default/send_redirects", "0")]);
        // Where it is on, the rules see frames that are still being bridged, and drop what they should not.
        if (forwards && Directory.Exists("/proc/sys/net/bridge"))
            settings.AddRange([("bridge/bridge-nf-call-iptables", "0"), ("bridge/bridge-nf-call-ip6tables", "0"), ("bridge/bridge-nf-call-arptables", "0")]);
        created.WriteSysctls(settings);
        await created.IpAsync("link set dev lo up");
    }

    /// <summary>Joins two namespaces by a pair of interfaces, both up.</summary>
    /// <remarks>
    /// An interface that comes up before its partner gets its carrier later, and the kernel then tells IPv6 of it up to a second late. So each
    /// end comes up once while the other is.
    /// </remarks>
    internal static async Task LayCableAsync(NetworkNamespace one, string interfaceOfOne, NetworkNamespace other, string interfaceOfOther)
    {
        await Command.RunAsync(["ip", "link", "add", interfaceOfOne, "netns", one.Name, "type", "veth", "peer", "name", interfaceOfOther, "netns", other.Name]);
        await one.IpAsync($"link set dev {interfaceOfOne} up");
        await other.IpAsync($"link set dev {interfaceOfOther} up");
        await one.IpAsync($"link set dev {interfaceOfOne} down", $"link set dev {interfaceOfOne} up");
    }

    internal LabProcess Track(LabProcess process)
    {
        _processes.Add(process);
        return process;
    }

    /// <summary>Takes a server of this process's own, which ends with the lab.</summary>
    internal void Track(LabNameServer server) => _servers.Add(server);

    private async Task BuildCoreAsync()
    {
        await CreateNamespaceAsync(_core, forwards: true);
        await CreateNamespaceAsync(Server.Namespace, forwards: false);
        await LayCableAsync(_core, "s1", Server.Namespace, "eth0");
        await _core.IpAsync("addr add 198.19.1.1/24 dev s1", "addr add 2001:db8:f001::1/64 dev s1 nodad");
        await Server.Namespace.IpAsync(
            $"addr add {ServerAddress}/24 dev eth0", $"addr add {ServerSecondAddress}/24 dev eth0",
            $"addr add {ServerAddressIPv6}/64 dev eth0 nodad", $"addr add {ServerSecondAddressIPv6}/64 dev eth0 nodad",
            "route add default via 198.19.1.1", "route add ::/0 via 2001:db8:f001::1");
        await _core.NftAsync(NatRules.ForCore(CoreHops));
        _core.AskNeighboursOften();
        Server.Namespace.AskNeighboursOften();
        await Server.Namespace.WaitForRouteAsync("198.19.1.1");
    }

    private Task ChangeCutAsync(string verb, IEnumerable<(Site From, Site To)> ways)
    {
        string elements = string.Join(", ", ways.Select(way => $"\"{way.From.CoreInterface}\" . \"{way.To.CoreInterface}\""));
        return _core.NftAsync($"{verb} element inet core cut {{ {elements} }}\n");
    }
}
