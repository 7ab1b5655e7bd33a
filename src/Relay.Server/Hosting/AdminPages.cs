using System.Globalization;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>What the operator can see of clients and do to them: list, disconnect, ban.</summary>
internal sealed class AdminPages(PacketRouter router, AdmissionGate gate, LiveAdmission live, MonotonicClock clock)
{
    /// <summary>How long rates are measured over. A request takes as long; nothing is measured while nobody asks.</summary>
    private static readonly TimeSpan RateInterval = TimeSpan.FromSeconds(1);

    /// <summary>Connections shown where the request names no number.</summary>
    private const int DefaultShown = 1000;

    private static readonly TimeSpan DefaultBan = TimeSpan.FromHours(1);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static void Map(WebApplication app, AdminPages pages)
    {
        app.MapGet("/debug/clients", pages.AnswerClientsAsync);
        app.MapPost("/debug/clients/disconnect", pages.AnswerDisconnectAsync);
        app.MapGet("/debug/bans", pages.AnswerBansAsync);
        app.MapPost("/debug/bans/add", pages.AnswerBanAsync);
        app.MapPost("/debug/bans/remove", pages.AnswerUnbanAsync);
    }

    private async Task AnswerClientsAsync(HttpContext context)
    {
        string tenant = context.Request.Query["tenant"].ToString();
        bool isAsked = int.TryParse(context.Request.Query["limit"], NumberStyles.None, CultureInfo.InvariantCulture, out int limit);
        Instant start = clock.Now;
        List<(ClientConnection, TrafficTotals)> before = [.. router.Connections.Where(connection => tenant.Length == 0 || connection.Admission?.Tenant == tenant).Select(connection => (connection, connection.Traffic.Totals))];
        await Task.Delay(RateInterval, clock.TimeProvider, context.RequestAborted);
        ClientReport[] all = ClientReport.Of(before, clock.Now - start);
        ClientReport[] shown = all[..Math.Min(all.Length, isAsked ? limit : DefaultShown)];
        if (IsJsonWanted(context.Request)) await context.Response.WriteAsJsonAsync(new { connections = all.Length, clients = shown }, Json, context.RequestAborted);
        else await context.Response.WriteAsync(ClientReport.ToText(shown, all.Length), context.RequestAborted);
    }

    private Task AnswerDisconnectAsync(HttpContext context)
    {
        if (!TryReadKey(context, out NodeKey key)) return AnswerBadKeyAsync(context);
        int ended = Disconnect(key, context.Request.Query["tenant"]);
        return AnswerAsync(context, ended > 0 ? StatusCodes.Status200OK : StatusCodes.Status404NotFound, $"{ended} connections ended");
    }

    private Task AnswerBansAsync(HttpContext context)
    {
        Instant now = clock.Now;
        return context.Response.WriteAsJsonAsync(gate.Bans.At(now).Select(ban => new { key = ban.Key.ToHex(), seconds = (long)(ban.Until - now).TotalSeconds }), Json, context.RequestAborted);
    }

    private Task AnswerBanAsync(HttpContext context)
    {
        if (!TryReadKey(context, out NodeKey key)) return AnswerBadKeyAsync(context);
        TimeSpan duration = DefaultBan;
        if (context.Request.Query["seconds"].ToString() is { Length: > 0 } text)
        {
            bool isNumber = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long seconds) && seconds > 0 && seconds <= BanList.MaxDuration.TotalSeconds;
            if (!isNumber) return AnswerAsync(context, StatusCodes.Status400BadRequest, $"give seconds=N, from 1 to {BanList.MaxDuration.TotalSeconds}");
            duration = TimeSpan.FromSeconds(seconds);
        }

        Instant now = clock.Now;
        if (!gate.Bans.TryAdd(key, now + duration, now)) return AnswerAsync(context, StatusCodes.Status409Conflict, $"there are {BanList.MaxBans} bans already: lift some");
        live.HasChanged(); // A login that was decided upon just now may be on its way in.
        return AnswerAsync(context, StatusCodes.Status200OK, $"banned for {duration.TotalSeconds} s; {Disconnect(key, tenant: null)} connections ended");
    }

    private Task AnswerUnbanAsync(HttpContext context)
    {
        if (!TryReadKey(context, out NodeKey key)) return AnswerBadKeyAsync(context);
        bool wasBanned = gate.Bans.Remove(key);
        if (wasBanned) live.HasChanged();
        return AnswerAsync(context, wasBanned ? StatusCodes.Status200OK : StatusCodes.Status404NotFound, wasBanned ? "no longer banned" : "not banned");
    }

    private int Disconnect(NodeKey key, string? tenant)
    {
        int ended = 0;
        foreach (ClientConnection connection in router.Connections.Where(connection => connection.Key == key && (tenant is null || connection.Admission?.Tenant == tenant)))
        {
            connection.Shell?.End(CloseReason.DisconnectedByOperator);
            ended++;
        }

        return ended;
    }

    private static bool TryReadKey(HttpContext context, out NodeKey key) => NodeKey.TryParse(context.Request.Query["key"].ToString().Replace(' ', '+'), out key); // A plus sign of base64, as query strings mistreat it.

    private static bool IsJsonWanted(HttpRequest request) => request.Query["format"] == "json" || request.Headers.Accept.ToString().Contains("application/json", StringComparison.OrdinalIgnoreCase);

    private static Task AnswerBadKeyAsync(HttpContext context) => AnswerAsync(context, StatusCodes.Status400BadRequest, "give key=KEY, in hexadecimal or base64");

    private static Task AnswerAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(text + "\n");
    }
}
