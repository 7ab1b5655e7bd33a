namespace NatLab;

/// <summary>A machine of the lab on which programs run.</summary>
public sealed class LabHost
{
    private const string FirstInterface = "eth0";

    private readonly Lab _lab;
    private readonly List<LabProcess> _programs = [];

    internal LabHost(Lab lab, string name, NetworkNamespace inside)
    {
        _lab = lab;
        Name = name;
        Namespace = inside;
    }

    public string Name { get; }
    public NetworkNamespace Namespace { get; }

    /// <summary>The site it is plugged into; null for the public server.</summary>
    public Site? Site { get; private set; }

    /// <summary>The interface that its cable is plugged into.</summary>
    public string Interface { get; private set; } = FirstInterface;

    /// <summary>Its IPv4 address.</summary>
    public string Address { get; private set; } = Lab.ServerAddress;

    /// <summary>Its IPv6 address, where its site has IPv6.</summary>
    public string? AddressIPv6 { get; private set; } = Lab.ServerAddressIPv6;

    /// <summary>Runs a command here, to its end.</summary>
    public Task<string> RunAsync(params string[] command) => Namespace.RunAsync(command);

    /// <summary>Starts a program here; it ends with the lab at the latest.</summary>
    public LabProcess Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        LabProcess program = _lab.Track(Namespace.Start($"{Name}:{Path.GetFileName(command[0])}", command, environment));
        _programs.Add(program);
        return program;
    }

    /// <summary>Takes the cable out and plugs it in at <paramref name="site"/>, perhaps where it was: the host gets a new address.</summary>
    public async Task MoveToAsync(Site site)
    {
        await Namespace.IpAsync($"link delete dev {Interface}");
        await site.ConnectAsync(this);
    }

    /// <summary>Takes the interface out and puts another one in, of another name, that gets the same address.</summary>
    public async Task ReplaceInterfaceAsync(string name)
    {
        Site site = Site ?? throw new LabException($"{Name} is plugged into no site");
        await Namespace.IpAsync($"link delete dev {Interface}");
        Interface = name;
        await site.ReconnectAsync(this);
    }

    /// <summary>Stops all its programs where they are, as a machine that goes to sleep does.</summary>
    public void Sleep()
    {
        foreach (LabProcess program in _programs) program.Signal(UnixSignal.Stop);
    }

    /// <summary>Has them go on.</summary>
    public void Wake()
    {
        foreach (LabProcess program in _programs) program.Signal(UnixSignal.Continue);
    }

    /// <summary>
    /// Joins it to another host by a cable of their own on which there is link-local IPv6 alone, and a router that both know of: nobody answers
    /// there, for no node ever asks it for anything.
    /// </summary>
    /// <param name="other">The other host.</param>
    /// <param name="name">The interface at both ends.</param>
    /// <param name="router">The router's link-local address.</param>
    public async Task CableToAsync(LabHost other, string name, string router)
    {
        await Lab.LayCableAsync(Namespace, name, other.Namespace, name);
        foreach (LabHost host in new[] { this, other }) await host.Namespace.IpAsync($"route add ::/0 via {router} dev {name}");
    }

    /// <summary>From the host to its router, one way.</summary>
    internal TimeSpan CableDelay { get; init; }

    internal void Connected(Site site, string address, string? addressIPv6)
    {
        Site = site;
        Address = address;
        AddressIPv6 = addressIPv6;
    }
}
