using Addresses;
using Settings;

namespace Stun.Server;

/// <summary>The program <c>stun-server</c>.</summary>
internal static class Program
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(4); // A service manager, and our promise, allow five.

    private static readonly OptionSet Options = new("stun-server", "Tells everyone who asks by which address it sees them (STUN, RFC 8489).", "STUN");

    private static readonly OptionKey Listen = Options.AddList(
        "listen", "IP:PORT", $"Where to answer, over UDP. By default loopback, port {StunServerOptions.DefaultPort}.");

    private static readonly OptionKey Admin = Options.AddText(
        "admin", "IP:PORT", "Where /healthz, /readyz and /metrics are, over HTTP. By default nowhere.");

    public static Task<int> Main(string[] arguments) => ProgramRunner.RunAsync(Options, arguments, RunAsync);

    private static async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        StunServerOptions options = values.IsGiven(Listen) ? new() { Listen = [.. values.List(Listen).Select(text => Address(values, Listen, text))] } : new();
        TransportAddress? admin = values.Text(Admin) is { } text ? Address(values, Admin, text) : null;

        using IHost host = BuildHost(options);
        StunServer server = host.Services.GetRequiredService<StunServer>();
        await using AdminPages? pages = admin is null ? null : new AdminPages(admin.Value, server, host.Services.GetRequiredService<ILogger<AdminPages>>());
        OptionKey current = Listen;
        try
        {
            server.Bind();
            current = Admin;
            if (pages is not null) await pages.StartAsync(stopping);
        }
        catch (StunListenException exception)
        {
            throw new OptionException(values.SourceOf(current), exception.Problem, exception.Remedy);
        }

        await host.StartAsync(stopping);
        ReadyLine.Write(ListenUrls(server, pages));
        bool hasFailed = !await IsStoppedAsync(server, stopping);

        using var deadline = new CancellationTokenSource(StopTimeout);
        if (pages is not null) await pages.StopAsync(deadline.Token);
        await host.StopAsync(deadline.Token);
        return hasFailed ? 1 : 0;
    }

    /// <summary>Waits for the signal to stop. False when the server has ended by itself: its host has logged why.</summary>
    private static async Task<bool> IsStoppedAsync(StunServer server, CancellationToken stopping)
    {
        Task stopped = Task.Delay(Timeout.Infinite, stopping);
        return await Task.WhenAny(server.ExecuteTask ?? Task.CompletedTask, stopped) == stopped;
    }

    private static IHost BuildHost(StunServerOptions options)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true);
        builder.Services.AddStunServer(options);
        return builder.Build();
    }

    private static TransportAddress Address(ParsedOptions values, OptionKey key, string text) =>
        TransportAddress.TryParse(text, out TransportAddress address)
            ? address
            : throw new OptionException(values.SourceOf(key), $"'{text}' is not an address with a port", "give IP:PORT, like 127.0.0.1:3478 or [::1]:3478");

    private static IEnumerable<string> ListenUrls(StunServer server, AdminPages? pages)
    {
        foreach (TransportAddress address in server.BoundAddresses) yield return $"udp://{address}";
        if (pages is not null) yield return $"tcp://{pages.BoundAddress}";
    }
}
