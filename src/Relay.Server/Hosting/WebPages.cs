using Relay.Server.Telemetry;

namespace Relay.Server.Hosting;

/// <summary>The HTTP pages: those for everybody on the relay's own ports, and those for the operator on the admin port.</summary>
internal static class WebPages
{
    private const string ChallengeHeader = "X-Tailscale-Challenge";
    private const string ResponseHeader = "X-Tailscale-Response";
    private const int MaxChallengeLength = 64;

    /// <summary>Maps all pages: what came by a relay port sees only the public ones.</summary>
    public static void Map(WebApplication app, RelayServer relay, RelayServerMetrics metrics)
    {
        app.Use(async (context, next) =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers.XFrameOptions = "DENY";
            await next(context);
        });
        app.MapWhen(context => context.Connection.LocalPort == 0, branch => branch.Run(AnswerPublic)); // A connection handed over has no local address.
        AdminGuard guard = app.Services.GetRequiredService<AdminGuard>();
        app.Use(next => context => guard.InvokeAsync(context, next));
        app.MapGet("/healthz", context => context.Response.WriteAsync("ok\n"));
        app.MapGet("/readyz", context => AnswerReadiness(context, relay));
        AdminPages.Map(app, app.Services.GetRequiredService<AdminPages>());
        MetricsPage.Map(app, metrics);
    }

    private static Task AnswerPublic(HttpContext context) => context.Request.Path.Value switch
    {
        "/derp/probe" or "/derp/latency-check" => AnswerProbe(context),
        "/derp" => AnswerUpgradeRequired(context),
        "/generate_204" => AnswerNoContent(context),
        "/robots.txt" => context.Response.WriteAsync("User-agent: *\nDisallow: /\n"),
        "/healthz" => context.Response.WriteAsync("ok\n"),
        "/" => AnswerHome(context),
        _ => AnswerNotFound(context),
    };

    private static Task AnswerProbe(HttpContext context)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return context.Response.WriteAsync("GET or HEAD\n");
        }

        context.Response.Headers.AccessControlAllowOrigin = "*"; // Browsers measure latency from any page.
        return Task.CompletedTask;
    }

    private static Task AnswerUpgradeRequired(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status426UpgradeRequired;
        return context.Response.WriteAsync("This is a DERP relay: it wants Upgrade: DERP.\n");
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

    private static Task AnswerNotFound(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return context.Response.WriteAsync("not found\n");
    }

    private static Task AnswerReadiness(HttpContext context, RelayServer relay)
    {
        if (relay is { IsListening: true, IsDraining: false }) return context.Response.WriteAsync("ready\n");
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync(relay.IsDraining ? "draining\n" : "not listening\n");
    }
}
