using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace NatLab.Tests;

/// <summary>The STUN server under a flood from sources that do not exist.</summary>
public sealed class StunAbuseTests
{
    private const int ForgedSources = 1_000_000;
    private const int PerSecond = 50_000;
    private const int TableCapacity = 65_536; // What the server's README promises.
    private const long MostGrowth = 16 << 20; // Bytes.
    private static readonly IPEndPoint Server = new(IPAddress.Parse(Lab.ServerAddress), 3478);
    private static readonly IPEndPoint Admin = new(IPAddress.Parse(Lab.ServerAddress), 9090);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_million_forged_sources_cost_no_memory_and_honest_clients_keep_their_answers()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site[] sites = [await lab.AddSiteAsync("a", NatKind.Public), await lab.AddSiteAsync("b", NatKind.Parse("eimr-apdf"))];
        NetworkNamespace core = lab.NamespaceOf("inet");
        await core.IpAsync($"route add blackhole {ForgedFlood.Sources}"); // Where the answers to nobody end.
        LabProcess server = lab.Server.Start([await PublishedPrograms.PathOfAsync("stun-server"), "--listen", $"{Server}", "--admin", $"{Admin}"]);
        await server.WaitForLineAsync(line => line.Contains("\"ready\":true", StringComparison.Ordinal), Patience);
        using HttpClient http = HttpInside(lab.Server.Namespace);
        using var flood = new ForgedFlood(core, Server);
        HonestClient[] honest = [.. sites.Select(site => new HonestClient(site.Host))];
        try
        {
            // What a server needs once, it needs before: compiled code, and the pages of its buffers and its table.
            flood.Send(PerSecond, PerSecond);
            await MetricsAsync(http);
            long before = ResidentBytes(server.Id);

            using var done = new CancellationTokenSource();
            Task[] asking = [.. honest.Select(client => client.AskUntilAsync(done.Token))];
            TimeSpan took = await Task.Run(() => flood.Send(ForgedSources, PerSecond));
            await done.CancelAsync();
            await Task.WhenAll(asking);
            Dictionary<string, double> metrics = await MetricsAsync(http);
            long growth = ResidentBytes(server.Id) - before;

            double answered = Sum(metrics, "stun_answers_total");
            double active = Sum(metrics, "stun_prefixes_active");
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{ForgedSources} forged sources in {took.TotalSeconds:0.0} s; {answered:0} answers; {active:0} prefixes in the table; {growth >> 10} KiB more; "
                + $"dropped by the kernel {Sum(metrics, "stun_kernel_drops_total"):0}; honest clients: {string.Join(", ", honest.Select(client => $"{client.Answered} of {client.Asked}"))}");
            Assert.InRange(active, 1, TableCapacity);
            Assert.InRange(growth, long.MinValue, MostGrowth);
            foreach (HonestClient client in honest)
            {
                Assert.True(client.Asked > 100, "Hardly anything was asked.");
                Assert.True(client.Answered >= 0.99 * client.Asked, $"{client.Answered} of {client.Asked} answered\n{lab.Describe()}");
            }
        }
        finally
        {
            foreach (HonestClient client in honest) client.Dispose();
        }
    }

    private static HttpClient HttpInside(NetworkNamespace inside) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, stopping) =>
        {
            Socket socket = inside.Enter(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            await socket.ConnectAsync(Admin, stopping);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri($"http://{Admin}"),
        Timeout = Patience,
    };

    private static async Task<Dictionary<string, double>> MetricsAsync(HttpClient http)
    {
        string text = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => line[0] != '#')
            .Select(line => line.Split("} ") is [var name, var labelled] ? (Name: name, Value: labelled) : (Name: line.Split(' ')[0], Value: line.Split(' ')[1]))
            .ToDictionary(sample => sample.Name, sample => double.Parse(sample.Value.Split(' ')[0], CultureInfo.InvariantCulture));
    }

    private static double Sum(Dictionary<string, double> metrics, string name) =>
        metrics.Where(sample => sample.Key == name || sample.Key.StartsWith(name + "{", StringComparison.Ordinal)).Sum(sample => sample.Value);

    private static long ResidentBytes(int processId)
    {
        string line = File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
    }

    /// <summary>Asks fifty times a second, never the same question twice, and counts the answers.</summary>
    private sealed class HonestClient : IDisposable
    {
        private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);
        private static readonly TimeSpan LastAnswer = TimeSpan.FromSeconds(2); // For one that was asked at the very end.

        private readonly Socket _socket;
        private readonly HashSet<int> _answered = [];

        public HonestClient(LabHost host)
        {
            _socket = host.Namespace.Enter(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
            _socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        }

        public int Asked { get; private set; }

        public int Answered => _answered.Count;

        public async Task AskUntilAsync(CancellationToken done)
        {
            using var closing = new CancellationTokenSource();
            Task listening = ListenAsync(closing.Token);
            byte[] request = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, .. new byte[12]];
            while (!done.IsCancellationRequested)
            {
                BinaryPrimitives.WriteInt32BigEndian(request.AsSpan(16), Asked++);
                await _socket.SendToAsync(request, Server, CancellationToken.None);
                await Task.Delay(Interval, CancellationToken.None);
            }

            closing.CancelAfter(LastAnswer);
            await listening;
        }

        public void Dispose() => _socket.Dispose();

        private async Task ListenAsync(CancellationToken closing)
        {
            byte[] answer = new byte[100];
            try
            {
                while (true)
                {
                    SocketReceiveFromResult received = await _socket.ReceiveFromAsync(answer, Server, closing);
                    if (received.ReceivedBytes == 32 && answer[0] == 1 && answer[1] == 1) _answered.Add(BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(16)));
                }
            }
            catch (OperationCanceledException)
            {
                return; // All that will come has come.
            }
        }
    }
}
