using System.Globalization;
using Relay.Server.Core;

namespace Relay.Server.Hosting;

/// <summary><c>POST /drain</c> on the admin listener: the relay ends without loss. <c>timeout=SECONDS</c> and <c>to=REGION[/MACHINE]</c> may be given.</summary>
internal static class DrainPage
{
    public static void Map(WebApplication app, DrainController drain) => app.MapPost("/drain", context => AnswerAsync(context, drain));

    private static Task AnswerAsync(HttpContext context, DrainController drain)
    {
        string timeoutText = context.Request.Query["timeout"].ToString();
        TimeSpan timeout = DrainPlan.DefaultTimeout;
        if (timeoutText.Length > 0)
        {
            bool isGood = int.TryParse(timeoutText, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds <= DrainPlan.MaxTimeout.TotalSeconds;
            if (!isGood) return AnswerAsync(context, StatusCodes.Status400BadRequest, $"timeout: '{timeoutText}' is not a number of seconds from 0 to {DrainPlan.MaxTimeout.TotalSeconds}");
            timeout = TimeSpan.FromSeconds(seconds);
        }

        string to = context.Request.Query["to"].ToString();
        MoveTarget? target = to.Length > 0 ? MoveTarget.Parse(to) : drain.Target;
        if (target is null) return AnswerAsync(context, StatusCodes.Status400BadRequest, "to: give the number of a region, like 901, or with a machine, like 901/901b, or 'another'");

        return drain.Request(new DrainPlan(timeout, IsForAll: true, target))
            ? AnswerAsync(context, StatusCodes.Status202Accepted, $"draining for up to {timeout.TotalSeconds:0} s")
            : AnswerAsync(context, StatusCodes.Status409Conflict, "draining already");
    }

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(text + "\n");
    }
}
