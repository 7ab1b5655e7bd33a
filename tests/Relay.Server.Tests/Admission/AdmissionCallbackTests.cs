using System.Net;
using System.Text.Json;
using Addresses;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Core;

namespace Relay.Server.Tests.Admission;

public sealed class AdmissionCallbackTests : IAsyncLifetime, IDisposable
{
    private static readonly TransportAddress Remote = TransportAddress.FromIpv4(0xc0000207, 4000);

    private readonly TokenTesting _testing = new();
    private readonly List<string> _asked = [];
    private Func<HttpContext, Task> _answer = context => context.Response.WriteAsync("""{"Allow":true}""");
    private WebApplication _service = null!;
    private Uri _url = null!;

    public async ValueTask InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _service = builder.Build();
        _service.Run(async context =>
        {
            using StreamReader body = new(context.Request.Body);
            string asked = await body.ReadToEndAsync();
            lock (_asked) _asked.Add($"{context.Request.Method} {context.Request.ContentType} {asked}");
            await _answer(context);
        });
        await _service.StartAsync();
        _url = new Uri(_service.Urls.Single());
    }

    public async ValueTask DisposeAsync() => await _service.DisposeAsync();

    public void Dispose() => _testing.Dispose();

    [Fact]
    public async Task The_question_is_the_one_headscale_answers()
    {
        using AdmissionCallback callback = Callback();

        Assert.True((await callback.AskAsync(TokenTesting.Alice, Remote)).IsAllowed);

        string question = Assert.Single(_asked);
        Assert.StartsWith("POST application/json ", question, StringComparison.Ordinal);
        JsonElement json = JsonDocument.Parse(question["POST application/json ".Length..]).RootElement;
        Assert.Equal($"nodekey:{TokenTesting.Alice.ToHex()}", json.GetProperty("NodePublic").GetString());
        Assert.Equal("192.0.2.7", json.GetProperty("Source").GetString());
    }

    [Theory]
    [InlineData(200, """{"Allow":true,"More":[1,2]}""", true)]
    [InlineData(200, """{"Allow":false}""", false)]
    [InlineData(200, """{"Allow":"true"}""", false)]
    [InlineData(200, """{"allow":true}""", false)]
    [InlineData(200, "[true]", false)]
    [InlineData(200, "", false)]
    [InlineData(200, "LONG", false)]
    [InlineData(500, """{"Allow":true}""", false)]
    [InlineData(302, """{"Allow":true}""", false)]
    [InlineData(200, """{"Allow":true,"Tenant":"a/b"}""", false)]
    public async Task Only_a_plain_yes_is_one_also_where_failures_are_let_in(int status, string body, bool isAllowed)
    {
        _answer = context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            return context.Response.WriteAsync(body == "LONG" ? """{"Allow":true,"x":""" + $"\"{new string('x', AdmissionCallback.MaxAnswerLength)}\"}}" : body);
        };
        using AdmissionCallback callback = Callback(failOpen: true);

        CallbackAnswer answer = await callback.AskAsync(TokenTesting.Alice, Remote);

        Assert.Equal(isAllowed ? RefusalReason.None : RefusalReason.CallbackDenied, answer.Refusal);
        Assert.Single(_asked); // No redirect was followed.
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_service_that_cannot_be_reached_lets_in_whom_the_operator_said(bool failOpen)
    {
        await _service.StopAsync();
        using AdmissionCallback callback = Callback(failOpen);

        Assert.Equal(failOpen ? RefusalReason.None : RefusalReason.CallbackFailed, (await callback.AskAsync(TokenTesting.Alice, Remote)).Refusal);
    }

    [Fact]
    public async Task An_answer_that_does_not_come_in_time_is_a_failure()
    {
        TaskCompletionSource asked = new();
        _answer = context =>
        {
            asked.SetResult();
            return Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        using AdmissionCallback callback = Callback();
        Task<CallbackAnswer> answer = callback.AskAsync(TokenTesting.Alice, Remote);
        await asked.Task;

        _testing.Time.Advance(AdmissionCallback.Timeout);

        Assert.Equal(RefusalReason.CallbackFailed, (await answer).Refusal);
    }

    [Fact]
    public async Task Yes_and_no_are_remembered_each_for_its_time_and_a_question_that_is_underway_is_not_asked_twice()
    {
        TaskCompletionSource go = new();
        _answer = async context =>
        {
            await go.Task;
            await context.Response.WriteAsync(_asked[^1].Contains(TokenTesting.Bob.ToHex(), StringComparison.Ordinal) ? """{"Allow":false}""" : """{"Allow":true}""");
        };
        using AdmissionCallback callback = Callback();
        Task<CallbackAnswer>[] both = [callback.AskAsync(TokenTesting.Alice, Remote), callback.AskAsync(TokenTesting.Alice, Remote.WithPort(9))];
        go.SetResult();
        await Task.WhenAll(both);
        await callback.AskAsync(TokenTesting.Bob, Remote);
        Assert.Equal(2, _asked.Count);

        _testing.Time.Advance(AdmissionCallback.DeniedFor);
        Assert.True((await callback.AskAsync(TokenTesting.Alice, Remote)).IsAllowed);
        Assert.Equal(2, _asked.Count);
        Assert.False((await callback.AskAsync(TokenTesting.Bob, Remote)).IsAllowed);
        Assert.Equal(3, _asked.Count);
        _testing.Time.Advance(AdmissionCallback.AllowedFor);
        await callback.AskAsync(TokenTesting.Alice, Remote);
        Assert.Equal(4, _asked.Count);
    }

    [Fact]
    public async Task No_more_answers_are_kept_than_the_limit()
    {
        using AdmissionCallback callback = new(_url, failOpen: false, _testing.Clock, NullLogger.Instance, maxAnswers: 3);
        for (byte i = 1; i <= 10; i++) await callback.AskAsync(Tests.Core.RelayWorld.Keys(i).PublicKey, Remote);

        Assert.Equal(3, callback.AnswerCount);
        await callback.AskAsync(Tests.Core.RelayWorld.Keys(10).PublicKey, Remote);
        Assert.Equal(10, _asked.Count);
    }

    [Fact]
    public async Task The_service_alone_may_name_the_tenant_and_is_asked_beside_a_list()
    {
        _answer = context => context.Response.WriteAsync("""{"Allow":true,"Tenant":"red"}""");
        using AdmissionGate alone = new(new AdmissionOptions { Callbacks = [_url] }, _testing.Clock, NullLogger<AdmissionGate>.Instance);
        Assert.Equal((AdmissionSource.Callback, "red"), await DecideAsync(alone));

        using AdmissionGate beside = new(new AdmissionOptions { Callbacks = [_url], ListFiles = ["list"] }, _testing.Clock, NullLogger<AdmissionGate>.Instance);
        Assert.Equal(RefusalReason.NotListed, (await beside.DecideAsync(Request())).Refusal);
        Assert.Single(_asked); // A client that is refused anyway is nobody's question.

        async Task<(AdmissionSource, string)> DecideAsync(AdmissionGate gate)
        {
            AdmissionDecision decision = await gate.DecideAsync(Request());
            return (decision.Source, decision.Tenant);
        }

        static LoginRequest Request() => new(TokenTesting.Alice, new Relay.Protocol.Handshake.ClientInfo(), Remote);
    }

    private AdmissionCallback Callback(bool failOpen = false) => new(_url, failOpen, _testing.Clock, NullLogger.Instance);
}
