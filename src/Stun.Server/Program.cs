using Settings;

namespace Stun.Server;

/// <summary>The program <c>stun-server</c>.</summary>
internal static class Program
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(4); // A service manager, and our promise, allow five.

    public static async Task<int> Main(string[] arguments)
    {
        using HangupSignal hangup = new();
        return await ProgramRunner.RunAsync(ProgramOptions.Set, arguments, (values, stopping) => RunAsync(values, arguments, hangup, stopping));
    }

    private static async Task<int> RunAsync(ParsedOptions values, string[] arguments, HangupSignal hangup, CancellationToken stopping)
    {
        StunServerOptions options = ProgramOptions.ServerOptions(values);

        using IHost host = BuildHost(options);
        StunServer server = host.Services.GetRequiredService<StunServer>();
        ILogger logger = host.Services.GetRequiredService<ILogger<StunServer>>();
        await using AdminPages? pages = ProgramOptions.AdminAddress(values) is { } admin ? new AdminPages(admin, server, host.Services.GetRequiredService<ILogger<AdminPages>>()) : null;
        await BindAsync(values, server, pages, stopping);

        hangup.Listen(new Reload(arguments, server, options.Certificate, logger).Run);
        await host.StartAsync(stopping);
        ReadyLine.Write(ListenUrls(server, pages));
        bool hasFailed = !await IsStoppedAsync(server, stopping);

        using var deadline = new CancellationTokenSource(StopTimeout);
        if (pages is not null) await pages.StopAsync(deadline.Token);
        await host.StopAsync(deadline.Token);
        return hasFailed ? 1 : 0;
    }

    private static async Task BindAsync(ParsedOptions values, StunServer server, AdminPages? pages, CancellationToken stopping)
    {
        OptionKey? admin = null;
        try
        {
            server.Bind();
            admin = ProgramOptions.Admin;
            if (pages is not null) await pages.StartAsync(stopping);
        }
        catch (StunListenException exception)
        {
            throw new OptionException(values.SourceOf(admin ?? ProgramOptions.KeyOf(server.Binding)), exception.Problem, exception.Remedy);
        }
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
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.Configure<ConsoleLifetimeOptions>(console => console.SuppressStatusMessages = true);
        builder.Services.AddStunServer(options);
        builder.Services.AddSystemd(); // Tells systemd when it is ready and when it stops, where that is who started it.
        return builder.Build();
    }

    private static IEnumerable<string> ListenUrls(StunServer server, AdminPages? pages) =>
    [
        .. server.BoundAddresses.Select(address => $"udp://{address}"),
        .. server.StreamUrls,
        .. pages is null ? [] : (string[])[$"tcp://{pages.BoundAddress}"],
    ];
}
