using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Messages;
using Node.Traversal.Telemetry;

namespace Node.Traversal.Io;

/// <summary>
/// Looks up the names of the relay map. Where packets must be marked to stay out of the tunnel, the system's resolver, whose packets are
/// not, would ask through the very tunnel that is to be built: then the name servers are asked here.
/// </summary>
/// <param name="mark">The firewall mark at present; 0 = none.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Told of names that are not found.</param>
/// <param name="resolve">Asks the system's resolver.</param>
/// <param name="hasIpv4">Says whether there is a way out by IPv4.</param>
internal sealed class MarkedDns(Func<uint> mark, TimeProvider time, ILogger log, Func<string, CancellationToken, Task<IPAddress[]>> resolve, Func<bool> hasIpv4)
{
    /// <summary>With this system's resolver and routes.</summary>
    public MarkedDns(Func<uint> mark, TimeProvider time, ILogger log)
        : this(mark, time, log, Dns.GetHostAddressesAsync, () => WayOut.Of(isIpv4: true, mark()).IsValid)
    {
    }

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(2);
    private const int Tries = 2;
    private const int DnsPort = 53;
    private const int MaxNameServers = 3; // As the system's resolver has it.

    /// <summary>The most names whose last answer is kept: those of any map. What comes after has to be looked up each time.</summary>
    private const int MaxKept = 4096;

    /// <summary>How long an answer is waited for where there is an older one that will do.</summary>
    private static readonly TimeSpan KeptPatience = TimeSpan.FromSeconds(2);
    private const string ResolvConf = "/etc/resolv.conf";
    private const string HostsFile = "/etc/hosts";

    private readonly ConcurrentDictionary<string, TransportAddress[]> _kept = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Says whether a NAT64 stands in this network.</summary>
    public Nat64Lookup Nat64 => field ??= new Nat64Lookup(hasIpv4, LookUpAsync, time);

    /// <summary>
    /// The addresses of a machine of the map, IPv4 first; literals as they are, names looked up. Where there is no way out by IPv4 and a NAT64,
    /// IPv4 addresses are its translations, and come last.
    /// </summary>
    /// <param name="node">The machine.</param>
    /// <param name="port">The port the addresses are given.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>None where the name is not known.</returns>
    public async Task<IReadOnlyList<TransportAddress>> ResolveAsync(RelayNode node, ushort port, CancellationToken cancellation)
    {
        TransportAddress[] literals = [.. new[] { node.Ipv4, node.Ipv6 }.Where(address => address.IsValid)];
        if (literals.Length == 0 && IPAddress.TryParse(node.HostName, out IPAddress? literal)) literals = [TransportAddress.From(literal, 0)];

        IEnumerable<TransportAddress> found = literals.Length > 0 ? literals : await FindAsync(node.HostName, cancellation);
        TransportAddress[] usable = [.. found.Where(address => address.IsIpv4 ? !node.IsIpv4Off : !node.IsIpv6Off).Select(address => address.WithPort(port))];
        if (!usable.Any(IsTranslatable) || await Nat64.FindAsync(cancellation) is not { } prefix) return [.. usable.OrderBy(address => address.IsIpv6)];
        return [.. usable.OrderBy(address => address.IsIpv4).Select(prefix.Translate).Distinct()]; // A DNS64 has said some of them already.
    }

    private static bool IsTranslatable(TransportAddress address) => address.IsIpv4 && AddressScopes.ScopeOf(address) == AddressScope.Global;

    /// <summary>Looks a name up; where the name servers fail or are slow, what they have said of it before still holds. Who does not answer there is no relay of ours.</summary>
    private async Task<TransportAddress[]> FindAsync(string name, CancellationToken cancellation)
    {
        Task<TransportAddress[]> looking = LookUpAsync(name, cancellation);
        if (!_kept.TryGetValue(name, out TransportAddress[]? kept)) return Keep(name, await looking);
        try
        {
            TransportAddress[] found = await looking.WaitAsync(KeptPatience, time, cancellation);
            return found.Length > 0 ? Keep(name, found) : kept;
        }
        catch (TimeoutException)
        {
            return kept;
        }
    }

    private TransportAddress[] Keep(string name, TransportAddress[] found)
    {
        if (found.Length > 0 && (_kept.Count < MaxKept || _kept.ContainsKey(name))) _kept[name] = found;
        return found;
    }

    private async Task<TransportAddress[]> LookUpAsync(string name, CancellationToken cancellation)
    {
        try
        {
            // The system's resolver cannot be called off, and takes its time where no server answers.
            if (mark() == 0) return [.. (await resolve(name, cancellation).WaitAsync(cancellation)).Select(address => TransportAddress.From(address, 0))];
            TransportAddress[] hosts = FindInHosts(name);
            if (hosts.Length > 0) return hosts;
            TransportAddress[][] both = await Task.WhenAll(AskAsync(name, DnsMessage.TypeA, cancellation), AskAsync(name, DnsMessage.TypeAaaa, cancellation));
            return [.. both.SelectMany(addresses => addresses)];
        }
        catch (Exception exception) when (exception is SocketException or IOException or ArgumentException or UnauthorizedAccessException)
        {
            TraversalLog.NameNotFound(log, name, exception.Message);
            return [];
        }
    }

    private async Task<TransportAddress[]> AskAsync(string name, ushort type, CancellationToken cancellation)
    {
        foreach (IPAddress server in NameServers())
        {
            for (int i = 0; i < Tries; i++)
            {
                if (await AskAsync(server, name, type, cancellation) is { } addresses) return addresses;
            }
        }

        return [];
    }

    /// <summary>Asks one server once; null where no usable answer comes in time.</summary>
    private async Task<TransportAddress[]?> AskAsync(IPAddress server, string name, ushort type, CancellationToken cancellation)
    {
        using CancellationTokenSource timeout = new(AnswerTimeout, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            using Socket socket = new(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp); // There may be no such family here, and another server.
            MarkedSockets.Mark(socket, mark());
            await socket.ConnectAsync(new IPEndPoint(server, DnsPort), either.Token); // Connected: only that server can answer.
            ushort id = (ushort)RandomNumberGenerator.GetInt32(1 << 16);
            byte[] query = DnsMessage.Query(name, type, id);
            await socket.SendAsync(query, either.Token);
            byte[] answer = new byte[DnsMessage.MaxLength];
            while (true)
            {
                int length = await socket.ReceiveAsync(answer, either.Token);
                if (DnsMessage.TryReadAnswer(answer.AsSpan(0, length), id, type, out TransportAddress[] addresses)) return addresses;
            }
        }
        catch (SocketException exception)
        {
            TraversalLog.NameNotFound(log, name, exception.Message);
            return null;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static IPAddress[] NameServers() => !File.Exists(ResolvConf) ? [] :
    [
        .. File.ReadLines(ResolvConf)
            .Select(line => line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words is ["nameserver", _, ..])
            .Select(words => IPAddress.TryParse(words[1], out IPAddress? address) ? address : IPAddress.None)
            .Where(address => !address.Equals(IPAddress.None))
            .Take(MaxNameServers),
    ];

    private static TransportAddress[] FindInHosts(string name) => !File.Exists(HostsFile) ? [] :
    [
        .. File.ReadLines(HostsFile)
            .Select(line => line.Split('#')[0].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > 1 && words.Skip(1).Contains(name, StringComparer.OrdinalIgnoreCase) && IPAddress.TryParse(words[0], out _))
            .Select(words => TransportAddress.From(IPAddress.Parse(words[0]), 0)),
    ];
}
