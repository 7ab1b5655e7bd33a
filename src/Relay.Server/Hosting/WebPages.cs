using Relay.Server.Streams;
using Relay.Server.Telemetry;

namespace Relay.Server.Hosting;

/// <summary>The HTTP pages: those for everybody on the relay's own ports, and those for the operator on the admin port.</summary>
internal static class WebPages
{
    /// <summary>The pages for everybody that have a path of their own, which the upgrade cannot have too.</summary>
    public static readonly string[] Own = ["/derp/probe", "/derp/latency-check", "/generate_204", "/bootstrap-dns", "/robots.txt", "/healthz"];

    private const string ChallengeHeader = "X-Tailscale-Challenge";
    private const string ResponseHeader = "X-Tailscale-Response";
    private const int MaxChallengeLength = 64;
    private const int HttpsPort = 443;

    private const string ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    private const string StrictTransportSecurity = "max-age=63072000"; // Two years, as browsers' own lists ask.
    private const string Bearer = "Bearer ";

    /// <summary>Maps all pages: what came by a relay port sees only the public ones.</summary>
    public static void Map(WebApplication app, RelayServer relay, RelayServerMetrics metrics)
    {
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero }); // The relay keeps its clients alive itself.
        app.Use(async (context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers.XFrameOptions = "DENY";
            context.Response.Headers.ContentSecurityPolicy = ContentSecurityPolicy;
            if (RelayPort.Of(context).Kind == RelayPortKind.Tls) context.Response.Headers.StrictTransportSecurity = StrictTransportSecurity;
            await next(context);
        });
        app.MapWhen(context => RelayPort.Of(context).Kind is RelayPortKind.Tls or RelayPortKind.Plain, branch => branch.Run(context => AnswerPublic(context, relay)));
        app.MapWhen(context => RelayPort.Of(context).Kind == RelayPortKind.Http, branch => branch.Run(context => AnswerHttp(context, relay)));
        AdminGuard guard = app.Services.GetRequiredService<AdminGuard>();
        app.Use(next => context => guard.InvokeAsync(context, next));
        app.MapGet("/healthz", context => context.Response.WriteAsync("ok\n"));
        app.MapGet("/readyz", context => AnswerReadiness(context, relay));
        AdminPages.Map(app, app.Services.GetRequiredService<AdminPages>());
        MetricsPage.Map(app, metrics);
    }

    /// <summary>Answers with a status and a line of text.</summary>
    public static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"{text}\n");
    }

    /// <summary>The token of an <c>Authorization: Bearer</c> field; null where there is none.</summary>
    public static string? BearerToken(HttpContext context)
    {
        string value = context.Request.Headers.Authorization.ToString();
        return value.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? value[Bearer.Length..].Trim() : null;
    }

    private static Task AnswerPublic(HttpContext context, RelayServer relay)
    {
        string path = context.Request.Path.Value ?? "";
        if (path == relay.UpgradePath) return WebSocketEndpoint.IsWanted(context) ? relay.WebSockets.ServeAsync(context) : AnswerUpgradeRequired(context);
        return path switch
        {
            "/derp/probe" or "/derp/latency-check" => AnswerProbe(context),
            "/generate_204" => AnswerNoContent(context),
            "/bootstrap-dns" => relay.BootstrapDns.AnswerAsync(context),
            "/robots.txt" => AnswerRobots(context),
            "/healthz" => context.Response.WriteAsync("ok\n"),
            "/" => AnswerHome(context),
            _ => AnswerAsync(context, StatusCodes.Status404NotFound, "not found"),
        };
    }

    /// <summary>The port for captive-portal checks: whoever asks for anything else is sent to https.</summary>
    private static Task AnswerHttp(HttpContext context, RelayServer relay)
    {
        if (context.Request.Path == "/generate_204") return AnswerNoContent(context);
        if (context.Request.Path == "/robots.txt") return AnswerRobots(context);
        if (!context.Request.Host.HasValue) return AnswerAsync(context, StatusCodes.Status400BadRequest, "The request has no Host.");

        int port = relay.TlsAddresses.Count > 0 ? relay.TlsAddresses[0].Port : HttpsPort;
        HostString host = port == HttpsPort ? new HostString(context.Request.Host.Host) : new HostString(context.Request.Host.Host, port);
        context.Response.Redirect($"https://{host}{context.Request.Path}{context.Request.QueryString}");
        return Task.CompletedTask;
    }

    private static Task AnswerProbe(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return AnswerAsync(context, StatusCodes.Status405MethodNotAllowed, "GET or HEAD");
        }

        context.Response.Headers.AccessControlAllowOrigin = "*"; // Browsers measure latency from any page.
        return Task.CompletedTask;
    }

    private static Task AnswerUpgradeRequired(HttpContext context) => AnswerAsync(context, StatusCodes.Status426UpgradeRequired, "DERP requires connection upgrade");

    private static Task AnswerRobots(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync("User-agent: *\nDisallow: /\n");
    }

    /// <summary>The check for a captive portal: an empty answer, which a portal cannot know to give, with the caller's challenge echoed.</summary>
    private static Task AnswerNoContent(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        context.Response.Headers.CacheControl = "no-cache, no-store, must-revalidate, no-transform, max-age=0";
        string challenge = context.Request.Headers[ChallengeHeader].ToString();
        bool isValid = challenge.Length is > 0 and <= MaxChallengeLength && challenge.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or ':' or '-');
        if (isValid) context.Response.Headers[ResponseHeader] = $"response {challenge}";
        return Task.CompletedTask;
    }

    private static Task AnswerHome(HttpContext context)
    {
        context.Response.ContentType = "text/html; charset=utf-8";
        return context.Response.WriteAsync("<!doctype html><title>Relay</title><p>This is a relay for encrypted packets between nodes (DERP).</p>\n");
    }

    private static Task AnswerReadiness(HttpContext context, RelayServer relay)
    {
        if (relay is { IsListening: true, IsDraining: false }) return context.Response.WriteAsync("ready\n");
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync(relay.IsDraining ? "draining\n" : "not listening\n");
    }
}
