using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>
/// Tells clients whose own DNS does not work the addresses of a few names that the operator has listed. They are looked up when somebody asks,
/// and kept: however many ask, DNS is asked no oftener.
/// </summary>
internal sealed class BootstrapDns(IReadOnlyList<string> names, MonotonicClock clock) : IDisposable
{
    /// <summary>The most names that may be listed.</summary>
    public const int MaxNames = 64;

    /// <summary>How long an answer is kept.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan LookupTimeout = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _lookingUp = new(1);
    private Dictionary<string, string[]> _known = [];
    private Instant? _knownSince;

    /// <summary>Writes the addresses of all names, or of one of them, as a JSON object; a name that is not listed is not in it.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        string wanted = context.Request.Query["q"].ToString();
        Dictionary<string, string[]> known = names.Count > 0 ? await KnownAsync(context.RequestAborted) : [];
        Dictionary<string, string[]> answer = [];
        foreach ((string name, string[] addresses) in known)
        {
            if (wanted.Length > 0 && !string.Equals(wanted, name, StringComparison.OrdinalIgnoreCase)) continue;
            string[] shuffled = [.. addresses];
            RandomNumberGenerator.Shuffle(shuffled.AsSpan());
            answer.Add(name, shuffled);
        }

        context.Response.ContentType = "application/json";
        context.Response.Headers.Connection = "close"; // Who needs this once does not come back.
        await JsonSerializer.SerializeAsync(context.Response.Body, answer, JsonSerializerOptions.Default, context.RequestAborted);
    }

    public void Dispose() => _lookingUp.Dispose();

    private async Task<Dictionary<string, string[]>> KnownAsync(CancellationToken cancellation)
    {
        await _lookingUp.WaitAsync(cancellation);
        try
        {
            if (_knownSince is { } since && clock.Now - since < Lifetime) return _known;
            KeyValuePair<string, string[]>[] found = await Task.WhenAll(names.Select(LookUpAsync));
            _known = found.Where(one => one.Value.Length > 0).ToDictionary();
            _knownSince = clock.Now;
            return _known;
        }
        finally
        {
            _lookingUp.Release();
        }
    }

    /// <summary>The addresses of a name; what was known of it where DNS does not say.</summary>
    private async Task<KeyValuePair<string, string[]>> LookUpAsync(string name)
    {
        using CancellationTokenSource timeout = new(LookupTimeout, clock.TimeProvider);
        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(name, timeout.Token);
            return new(name, [.. addresses.Select(address => address.ToString())]);
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ArgumentException)
        {
            return new(name, _known.GetValueOrDefault(name) ?? []);
        }
    }
}
