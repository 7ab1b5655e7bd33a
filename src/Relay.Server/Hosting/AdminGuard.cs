using System.Net;

namespace Relay.Server.Hosting;

/// <summary>
/// Keeps the admin pages to the operator: by the secret, where there is one, and always from web pages that a browser on this machine shows,
/// which could otherwise have it ask for anything here.
/// </summary>
internal sealed class AdminGuard(AdminSecret? secret)
{
    /// <summary>Lets a request through, or answers it.</summary>
    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        // Whoever watches over the process needs no secret to see that it lives.
        if (context.Request.Path.Value is "/healthz" or "/readyz") return next(context);
        if (secret is null && !IsLoopbackName(context.Request.Host.Host)) return AnswerAsync(context, StatusCodes.Status403Forbidden, "This is the admin page of a relay: ask for it by a loopback address.");
        if (IsFromElsewhere(context.Request)) return AnswerAsync(context, StatusCodes.Status403Forbidden, "No other site may ask for this.");
        if (secret is null || secret.IsIn(context.Request.Headers.Authorization.ToString())) return next(context);

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return AnswerAsync(context, StatusCodes.Status401Unauthorized, "The admin secret is wanted: Authorization: Bearer SECRET.");
    }

    /// <summary>A name that a hostile page could have its own server answer for with 127.0.0.1 (DNS rebinding) is none of these.</summary>
    private static bool IsLoopbackName(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));

    private static bool IsFromElsewhere(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site") return true;
        string origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(text + "\n");
    }
}
