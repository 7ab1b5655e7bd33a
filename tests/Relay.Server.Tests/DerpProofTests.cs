using System.Net.Sockets;
using System.Text.RegularExpressions;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Streams;
using Relay.Server.Tests.Core;
using Settings;

namespace Relay.Server.Tests;

/// <summary>The table of proofs in this project's README, and those of its rows that are nowhere else.</summary>
public partial class DerpProofTests
{
    private const int TcpUserTimeout = 18;
    private const int Traps = 20;

    [Fact]
    public void Every_row_of_the_table_names_tests_that_exist()
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Relay.sln"))) root = Path.GetDirectoryName(root)!;
        string tests = string.Concat(Directory.EnumerateFiles(Path.Combine(root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        HashSet<string> known = [.. TestMethod().Matches(tests).Select(match => match.Groups[1].Value)];

        string[] rows = [.. File.ReadAllLines(Path.Combine(root, "tests/Relay.Server.Tests/README.md")).Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.Contains("| tests |", StringComparison.Ordinal))];

        Assert.Equal(Traps, rows.Count(row => char.IsAsciiDigit(row[2])));
        Assert.True(rows.Length > 2 * Traps);
        foreach (string row in rows)
        {
            string[] named = [.. TestName().Matches(row).Select(match => match.Groups[1].Value)];
            Assert.True(named.Length > 0, row);
            Assert.Empty(named.Except(known));
        }
    }

    [Fact]
    public void A_socket_notices_by_itself_that_its_client_is_gone()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The option is Linux'.");
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        RelayEndpoint.Prepare(socket);

        byte[] milliseconds = new byte[sizeof(int)];
        socket.GetRawSocketOption((int)ProtocolType.Tcp, TcpUserTimeout, milliseconds);
        Assert.Equal(15_000, BitConverter.ToInt32(milliseconds));
        Assert.NotEqual(0, (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
        Assert.True(socket.NoDelay);
    }

    [Theory]
    [InlineData("1024", null, 65_568)]
    [InlineData("1000000", null, 1_000_000)]
    [InlineData("1000000", "65568", 65_568)]
    public void However_small_a_rate_the_longest_packet_is_within_its_burst(string rate, string? burst, long expected)
    {
        string[] more = burst is null ? [] : ["--client-burst", burst];

        Assert.Equal(expected, LimitsOf(["--client-rate", rate, .. more]).ClientBytes.Burst);
        Assert.Contains("client-burst", Assert.Throws<OptionException>(() => LimitsOf(["--client-rate", rate, "--client-burst", "65567"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_frame_is_charged_more_than_the_longest_packet()
    {
        RelayWorld world = new();
        world.Router.Limits = new ServerLimits { ClientBytes = new Rate(100_000, Rate.LeastBytesBurst) };
        ClientConnection client = world.LogIn(RelayWorld.Keys(1));
        byte[] unknown = RelayWorld.Frame((FrameType)0x77, new byte[RelayLimits.MaxFrameLength]);
        world.Now += TimeSpan.FromSeconds(10);

        world.Receive(client, unknown);
        Assert.True(client.ReadableAt <= world.Now, "It used up the burst, and no more.");

        world.Receive(client, unknown);
        Assert.Equal(Rate.LeastBytesBurst / 100_000.0, (client.ReadableAt - world.Now).TotalSeconds, 0.01);
    }

    private static ServerLimits LimitsOf(string[] arguments)
    {
        OptionSet options = new("relay-server", "A test.", "RELAY_TEST");
        LimitOptions limits = new(options);
        return limits.Read(options.Parse(arguments, new Dictionary<string, string>()));
    }

    [GeneratedRegex(@"public (?:async )?(?:void|Task) (\w+)\(")]
    private static partial Regex TestMethod();

    [GeneratedRegex("`([A-Z]\\w+_\\w+)`")]
    private static partial Regex TestName();
}
