using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Agent.Maps;
using Node.Agent.WireGuard;
using Node.Traversal;
using Settings;

namespace Node.Agent.Tests.Maps;

public sealed class RelayMapTests : IDisposable
{
    private const string Map = """{"Regions": {"900": {"RegionID": 900, "RegionCode": "lab", "Nodes": [{"Name": "a", "HostName": "h"}]}}}""";
    private static readonly RelayMapLocation Web = RelayMapLocation.Parse("https://maps.example/derp.json", "--relay-map");

    private readonly string _directory = Directory.CreateTempSubdirectory("agent").FullName;
    private readonly StateDirectory _state;

    public RelayMapTests() => _state = StateDirectory.Open(Path.Combine(_directory, "state"), out _)!;

    private string MapFile => Path.Combine(_directory, "map.json");

    [Fact]
    public void A_location_is_a_file_or_an_https_url()
    {
        Assert.Equal("maps/derp.json", RelayMapLocation.Parse("maps/derp.json", "x").File);
        Assert.Equal("https://maps.example/derp.json", Web.Url!.AbsoluteUri);
        Assert.NotEqual(Web.CopyName, RelayMapLocation.Parse("https://maps.example/other.json", "x").CopyName);
    }

    [Theory]
    [InlineData("http://maps.example/derp.json")]
    [InlineData("ftp://maps.example/derp.json")]
    [InlineData("https://user:password@maps.example/derp.json")]
    [InlineData("https://")]
    public void Other_urls_are_refused_with_the_setting_they_came_from(string text) =>
        Assert.StartsWith("NODE_RELAY_MAP: ", Assert.Throws<OptionException>(() => RelayMapLocation.Parse(text, "NODE_RELAY_MAP")).Message, StringComparison.Ordinal);

    [Fact]
    public void The_command_line_wins_over_the_file_and_the_files_paths_count_from_it()
    {
        AgentOptions options = new() { ConfigFile = Path.Combine(_directory, "wg0.conf"), Interface = "wg0", SocketPath = "/run/x.sock" };

        Assert.Equal(MapFile, options.LocateRelayMap(new WireGuardConfig { RelayMap = "map.json" }).File);
        Assert.Equal("/elsewhere.json", options.LocateRelayMap(new WireGuardConfig { RelayMap = "/elsewhere.json" }).File);
        Assert.Same(Web, (options with { RelayMap = Web }).LocateRelayMap(new WireGuardConfig { RelayMap = "map.json" }));
        Assert.Contains("--relay-map FILE", Assert.Throws<OptionException>(() => options.LocateRelayMap(new WireGuardConfig())).Message, StringComparison.Ordinal);
        Assert.Equal((ushort)7, (options with { Port = 7 }).PortFor(new WireGuardConfig { RelayPort = 8 }));
        Assert.Equal((ushort)8, options.PortFor(new WireGuardConfig { RelayPort = 8 }));
        Assert.Null(options.PortFor(new WireGuardConfig()));
    }

    [Fact]
    public void A_file_is_read_or_told_in_one_sentence()
    {
        File.WriteAllText(MapFile, Map);
        Assert.Equal(900, RelayMapFile.Load(MapFile, "x").Regions[0].Id);

        File.WriteAllText(MapFile, "{");
        Assert.Contains("cannot be used", Assert.Throws<OptionException>(() => RelayMapFile.Load(MapFile, "x")).Message, StringComparison.Ordinal);
        File.WriteAllText(MapFile, new string(' ', RelayMapFile.MaxLengthBytes + 1));
        Assert.Contains("larger", Assert.Throws<OptionException>(() => RelayMapFile.Load(MapFile, "x")).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<OptionException>(() => RelayMapFile.Load(MapFile + "x", "x")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_good_map_is_kept_for_the_next_start()
    {
        using RelayMapDownload first = Download(Map);
        Assert.Null(first.LastGoodCopy());

        Assert.Equal(900, (await first.FetchAsync(default)).Regions[0].Id);

        using RelayMapDownload next = Download("");
        Assert.Equal(900, next.LastGoodCopy()!.Regions[0].Id);
    }

    [Theory]
    [InlineData("no map", HttpStatusCode.OK, "cannot be used")]
    [InlineData("", HttpStatusCode.NotFound, "404")]
    [InlineData(null, HttpStatusCode.OK, "did not come")]
    public async Task What_is_no_map_is_refused_and_the_copy_stays(string? content, HttpStatusCode code, string part)
    {
        using (RelayMapDownload good = Download(Map)) await good.FetchAsync(default);
        using RelayMapDownload bad = Download(content ?? new string(' ', RelayMapFile.MaxLengthBytes + 1), code);

        Assert.Contains(part, (await Assert.ThrowsAsync<RelayMapException>(() => bad.FetchAsync(default))).Message, StringComparison.Ordinal);

        Assert.NotNull(bad.LastGoodCopy());
    }

    [Fact]
    public async Task What_a_server_says_of_the_maps_encoding_does_not_matter()
    {
        using RelayMapDownload download = new(Web, null, new Answer("\ufeff" + Map, HttpStatusCode.OK) { ContentType = "text/plain; charset=no-such-thing" }, NullLogger.Instance);

        Assert.Equal(900, (await download.FetchAsync(default)).Regions[0].Id);
    }

    [Fact]
    public async Task A_map_is_had_without_a_place_to_keep_it()
    {
        using RelayMapDownload download = new(Web, null, new Answer(Map, HttpStatusCode.OK), NullLogger.Instance);

        Assert.Equal(900, (await download.FetchAsync(default)).Regions[0].Id);
        Assert.Null(download.LastGoodCopy());
    }

    [Fact]
    public async Task A_file_that_changes_gives_a_new_map_and_a_bad_one_none()
    {
        File.WriteAllText(MapFile, Map);
        FakeTimeProvider time = new();
        await using RelayMapSource source = RelayMapSource.Open(RelayMapLocation.Parse(MapFile, "x"), null, (_, _, _) => throw new InvalidOperationException(), () => ProxySettings.None, time, NullLogger.Instance);
        Assert.Equal(900, source.First.Regions[0].Id);

        File.WriteAllText(MapFile, "{ not a map");
        Advance(time, seconds: 4);
        Assert.Null(source.TakeArrived());

        File.WriteAllText(MapFile, Map.Replace("900", "901", StringComparison.Ordinal));
        RelayMap? arrived = null;
        Assert.True(SpinWait.SpinUntil(() => Advance(time, 1) && (arrived = source.TakeArrived()) is not null, TimeSpan.FromSeconds(10)));
        Assert.Equal(901, arrived!.Regions[0].Id);
        Assert.Null(source.TakeArrived());
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static bool Advance(FakeTimeProvider time, int seconds)
    {
        for (int i = 0; i < seconds; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            Thread.Yield();
        }

        return true;
    }

    private RelayMapDownload Download(string content, HttpStatusCode code = HttpStatusCode.OK) => new(Web, _state, new Answer(content, code), NullLogger.Instance);

    private sealed class Answer(string content, HttpStatusCode code) : HttpMessageHandler
    {
        public string? ContentType { get; init; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            HttpResponseMessage response = new(code) { Content = new StringContent(content) };
            if (ContentType is not null) response.Content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(ContentType);
            return Task.FromResult(response);
        }
    }
}
