using System.Net.Http.Headers;
using System.Text.Json;
using Addresses;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Admission;

/// <summary>What the operator's service says of a client.</summary>
/// <param name="Refusal">Why it refuses; <see cref="RefusalReason.None"/> = it does not.</param>
/// <param name="Tenant">The tenant it names; empty where it names none, as the field's services do not.</param>
internal sealed record CallbackAnswer(RefusalReason Refusal, string Tenant = "")
{
    public bool IsAllowed => Refusal == RefusalReason.None;
}

/// <summary>
/// Asks the operator's service, in the JSON that derper asks and headscale answers: POST <c>{"NodePublic":"nodekey:…","Source":"192.0.2.1"}</c>,
/// answered by 200 and <c>{"Allow":true}</c>. A <c>"Tenant"</c> beside it is ours.
/// </summary>
internal sealed class AdmissionCallback : IDisposable
{
    /// <summary>How long one answer may take, connecting and waiting for a turn included.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a yes is believed: what the service takes back reaches a client that reconnects within this.</summary>
    public static readonly TimeSpan AllowedFor = TimeSpan.FromMinutes(1);

    /// <summary>How long a no is believed: shorter, for somebody is waiting to be let in.</summary>
    public static readonly TimeSpan DeniedFor = TimeSpan.FromSeconds(10);

    /// <summary>How long the service is left in peace about a client once it could not be asked.</summary>
    public static readonly TimeSpan FailedFor = TimeSpan.FromSeconds(1);

    /// <summary>The longest answer, in bytes.</summary>
    public const int MaxAnswerLength = 4 << 10;

    /// <summary>The most answers kept.</summary>
    public const int MaxAnswers = 65_536;

    /// <summary>Questions asked at once.</summary>
    public const int MaxConcurrent = 64;

    /// <summary>Questions that wait for a turn. One more is refused, also where failures are let in: a flood of logins is no failure of the service's.</summary>
    public const int MaxWaiting = 4096;

    private readonly Uri _url;
    private readonly bool _failOpen;
    private readonly MonotonicClock _clock;
    private readonly ILogger _log;
    private readonly HttpClient _http;
    private readonly AnswerCache _answers;
    private readonly SemaphoreSlim _turns = new(MaxConcurrent);
    private int _waiting;

    /// <param name="url">The service.</param>
    /// <param name="failOpen">Says that clients are let in while the service cannot be reached. Any answer of it that is no yes is a no.</param>
    /// <param name="clock">Tells how old an answer is.</param>
    /// <param name="log">Hears when the service cannot be asked.</param>
    /// <param name="maxAnswers">The most answers kept.</param>
    public AdmissionCallback(Uri url, bool failOpen, MonotonicClock clock, ILogger log, int maxAnswers = MaxAnswers)
    {
        _url = url;
        _failOpen = failOpen;
        _clock = clock;
        _log = log;
        _answers = new AnswerCache(maxAnswers);
        SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = Timeout, MaxConnectionsPerServer = MaxConcurrent, MaxResponseHeadersLength = 16 };
        _http = new HttpClient(handler) { Timeout = System.Threading.Timeout.InfiniteTimeSpan }; // Each question has its own.
    }

    /// <summary>The answers at hand.</summary>
    public int AnswerCount => _answers.Count;

    /// <summary>Asks about a client, or recalls what was said.</summary>
    public Task<CallbackAnswer> AskAsync(NodeKey key, TransportAddress remote)
    {
        CallbackQuestion question = new(key, remote.Bits);
        Instant now = _clock.Now;
        if (_answers.TryFind(question, now, out Task<CallbackAnswer>? known)) return known;
        if (Volatile.Read(ref _waiting) >= MaxWaiting) return Task.FromResult(new CallbackAnswer(RefusalReason.Limit));

        Task<CallbackAnswer> asked = AskAndKeepAsync(question, key, remote);
        if (!asked.IsCompleted) _answers.Keep(question, asked, now + 2 * Timeout); // It replaces itself when it is answered.
        return asked;
    }

    public void Dispose()
    {
        _http.Dispose();
        _turns.Dispose();
    }

    private async Task<CallbackAnswer> AskAndKeepAsync(CallbackQuestion question, NodeKey key, TransportAddress remote)
    {
        CallbackAnswer answer = await AskServiceAsync(key, remote);
        TimeSpan lifetime = answer.Refusal switch
        {
            RefusalReason.None => AllowedFor,
            RefusalReason.CallbackDenied => DeniedFor,
            _ => FailedFor,
        };
        if (answer.Refusal == RefusalReason.CallbackFailed && _failOpen) answer = new CallbackAnswer(RefusalReason.None);
        _answers.Keep(question, Task.FromResult(answer), _clock.Now + lifetime);
        return answer;
    }

    private async Task<CallbackAnswer> AskServiceAsync(NodeKey key, TransportAddress remote)
    {
        using CancellationTokenSource timeout = new(Timeout, _clock.TimeProvider);
        bool hasTurn = false;
        Interlocked.Increment(ref _waiting);
        try
        {
            await _turns.WaitAsync(timeout.Token);
            hasTurn = true;
            using HttpRequestMessage request = new(HttpMethod.Post, _url) { Content = QuestionOf(key, remote) };
            using HttpResponseMessage response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if (response.StatusCode != System.Net.HttpStatusCode.OK) return new CallbackAnswer(RefusalReason.CallbackDenied);
            return Read(await ReadBodyAsync(response, timeout.Token));
        }
        catch (OperationCanceledException) when (!hasTurn)
        {
            return new CallbackAnswer(RefusalReason.Limit); // So many asked that our turn never came: the service need not be down.
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            RelayLog.CallbackFailed(_log, _url.Host, exception is OperationCanceledException ? $"no answer within {Timeout.TotalSeconds} s" : exception.Message);
            return new CallbackAnswer(RefusalReason.CallbackFailed);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            if (hasTurn) _turns.Release();
        }
    }

    private static ByteArrayContent QuestionOf(NodeKey key, TransportAddress remote)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["NodePublic"] = key.ToText(), ["Source"] = remote.ToIPAddress().ToString() });
        return new ByteArrayContent(json) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
    }

    /// <summary>The answer's body; empty where it is too long, which is no yes.</summary>
    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        byte[] body = new byte[MaxAnswerLength + 1];
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellation);
        int length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancellation);
        return length > MaxAnswerLength ? ReadOnlyMemory<byte>.Empty : body.AsMemory(0, length);
    }

    private static CallbackAnswer Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = 8 });
            JsonElement root = document.RootElement;
            bool isAllowed = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("Allow", out JsonElement allow) && allow.ValueKind == JsonValueKind.True;
            if (!isAllowed) return new CallbackAnswer(RefusalReason.CallbackDenied);
            string tenant = root.TryGetProperty("Tenant", out JsonElement named) && named.ValueKind != JsonValueKind.Null ? named.GetString() ?? "" : "";
            return tenant.Length == 0 || Tenant.IsValidName(tenant) ? new CallbackAnswer(RefusalReason.None, tenant) : new CallbackAnswer(RefusalReason.CallbackDenied);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return new CallbackAnswer(RefusalReason.CallbackDenied); // Not what was asked for, so not a yes.
        }
    }
}
