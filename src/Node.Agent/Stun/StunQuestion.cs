using System.Net;
using System.Net.Sockets;
using Addresses;
using Node.Traversal;

namespace Node.Agent.Stun;

/// <summary>Asks a STUN server in each family that it has, both at once.</summary>
/// <param name="target">Whom.</param>
/// <param name="transport">How.</param>
/// <param name="allowsAnyCertificate">Takes any certificate, over TLS.</param>
/// <param name="say">Told what is being waited for.</param>
internal sealed class StunQuestion(StunTarget target, StunTransport transport, bool allowsAnyCertificate, Action<string> say)
{
    private static readonly TimeSpan NameTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan StreamTimeout = TimeSpan.FromSeconds(9);

    /// <summary>Whether TCP answers where UDP is silent is asked shortly: it is only to tell why.</summary>
    private static readonly TimeSpan CheckTimeout = TimeSpan.FromSeconds(2);

    private const int MaxServers = 4; // Of one family: as many as a discovery tries.

    private ushort Port => target.Port ?? (transport == StunTransport.Tls ? StunTarget.DefaultTlsPort : StunTarget.DefaultPort);

    /// <summary>Looks the name up, and asks.</summary>
    /// <param name="isWanted">Which families are wanted: true for IPv4.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="IOException">The name is not found, or has no address of a wanted family; the message says so.</exception>
    public async Task<IReadOnlyList<StunFinding>> AskAsync(Func<bool, bool> isWanted, CancellationToken cancellation)
    {
        TransportAddress[] all = [.. (await ResolveAsync(cancellation)).Select(address => TransportAddress.From(address, Port)).Distinct()];
        TransportAddress[][] families = [.. all.Where(address => isWanted(address.IsIpv4)).GroupBy(address => address.IsIpv4).OrderByDescending(family => family.Key).Select(family => family.ToArray())];
        if (families.Length == 0) throw new IOException($"{target.Host} has no {(isWanted(true) ? "IPv4" : "IPv6")} address");
        return await Task.WhenAll(families.Select(family => AskFamilyAsync(family, cancellation)));
    }

    private async Task<IPAddress[]> ResolveAsync(CancellationToken cancellation)
    {
        if (IPAddress.TryParse(target.Host, out IPAddress? literal)) return [literal];
        say($"looking up {target.Host}");
        try
        {
            return await Dns.GetHostAddressesAsync(target.Host, cancellation).WaitAsync(NameTimeout, cancellation);
        }
        catch (SocketException exception)
        {
            throw new IOException($"the name {target.Host} is not found: {exception.Message}", exception);
        }
        catch (TimeoutException exception)
        {
            throw new IOException($"the name {target.Host} could not be looked up within {NameTimeout.TotalSeconds:0} s", exception);
        }
    }

    private Task<StunFinding> AskFamilyAsync(TransportAddress[] servers, CancellationToken cancellation) =>
        transport == StunTransport.Udp ? AskByUdpAsync(servers, cancellation) : AskByStreamAsync(servers, cancellation);

    private async Task<StunFinding> AskByUdpAsync(TransportAddress[] servers, CancellationToken cancellation)
    {
        string family = servers[0].IsIpv4 ? "IPv4" : "IPv6";
        NatBehavior behavior = await NatBehaviorDiscovery.RunAsync(servers, stage => say($"{family}: {Describe(stage, servers[0])}"), cancellation);
        StunFinding finding = new(transport, servers) { Behavior = behavior, Udp = UdpFinding.Works };
        if (behavior.IsAnswered)
        {
            return finding with { Server = behavior.Server, Local = behavior.Local, Mapped = behavior.Mapped, Rtt = behavior.Rtt, Software = behavior.Software };
        }

        string[] problems = [.. behavior.Notes.Select(note => note.Text)];
        (UdpFinding udp, string? why) = await ExplainSilenceAsync(servers[0], behavior, cancellation);
        return finding with { Udp = udp, Problems = why is null ? problems : [.. problems, why] };
    }

    /// <summary>A server that answers over TCP where UDP is silent is there; then something between drops UDP.</summary>
    private async Task<(UdpFinding Udp, string? Why)> ExplainSilenceAsync(TransportAddress server, NatBehavior behavior, CancellationToken cancellation)
    {
        if (behavior.RequestsSent == 0) return (UdpFinding.Silent, null); // There is no way; the note says so.
        if (behavior.IsPortUnreachable) return (UdpFinding.NobodyListens, null);
        say("no answer over UDP: trying TCP, to tell why");
        try
        {
            StunStreamAnswer answer = await StunStreamClient.AskAsync(server, new StunStreamOptions { Timeout = CheckTimeout }, cancellation);
            return (UdpFinding.Blocked, $"UDP is blocked on the way: over TCP the same server answers, and sees this machine at {answer.Mapped}");
        }
        catch (IOException exception) when (exception.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            return (UdpFinding.Silent, "the server's machine is there, since it refuses TCP: no STUN server listens, or UDP is blocked on the way");
        }
        catch (IOException exception)
        {
            return (UdpFinding.Silent, $"over TCP there is no answer either ({exception.Message})");
        }
    }

    private async Task<StunFinding> AskByStreamAsync(TransportAddress[] servers, CancellationToken cancellation)
    {
        List<string> problems = [];
        TimeSpan timeout = StreamTimeout / Math.Min(servers.Length, MaxServers);
        foreach (TransportAddress server in servers.Take(MaxServers))
        {
            say($"asking {server} over {(transport == StunTransport.Tls ? "TLS" : "TCP")}, for up to {timeout.TotalSeconds:0} s");
            StunStreamOptions options = new() { Timeout = timeout, TlsName = transport == StunTransport.Tls ? target.Host : null, AllowsAnyCertificate = allowsAnyCertificate };
            try
            {
                StunStreamAnswer answer = await StunStreamClient.AskAsync(server, options, cancellation);
                return new StunFinding(transport, servers) { Server = server, Local = answer.Local, Mapped = answer.Mapped, Rtt = answer.Rtt, Software = answer.Software };
            }
            catch (IOException exception)
            {
                problems.Add(exception.Message);
            }
        }

        return new StunFinding(transport, servers) { Problems = problems };
    }

    private static string Describe(DiscoveryStage stage, TransportAddress server) => stage switch
    {
        DiscoveryStage.Contact => $"asking {server}, for up to 6 s",
        DiscoveryStage.Mapping => "answered; asking its other addresses how this machine is mapped",
        DiscoveryStage.PortAllocation => "asking from fresh ports, to see how public ones are chosen",
        DiscoveryStage.Hairpinning => "sending to our own public address, for 1 s",
        _ => "waiting up to 6 s for answers that a filter may hold back",
    };
}
