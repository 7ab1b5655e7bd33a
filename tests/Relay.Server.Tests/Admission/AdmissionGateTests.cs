using Addresses;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol.Handshake;
using Relay.Server.Admission;
using Relay.Server.Core;

namespace Relay.Server.Tests.Admission;

public sealed class AdmissionGateTests : IDisposable
{
    private readonly TokenTesting _testing = new();
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-gate-").FullName;

    public void Dispose()
    {
        _testing.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Lists_and_tokens_are_alternatives_and_the_token_names_the_tenant()
    {
        using AdmissionGate gate = Gate(listed: $"{TokenTesting.Alice.ToHex()} blue");

        Assert.Equal("blue", (await DecideAsync(gate)).Tenant);
        Assert.Equal("red", (await DecideAsync(gate, _testing.Content with { Tenant = "red" })).Tenant);
        Assert.Equal(AdmissionSource.Token, (await DecideAsync(gate, _testing.Content)).Source);
        Assert.Equal(AdmissionSource.List, (await DecideAsync(gate, _testing.Content with { Audience = "other" })).Source);
    }

    [Fact]
    public async Task A_client_that_nobody_vouches_for_hears_why()
    {
        using AdmissionGate gate = Gate();

        Assert.Equal(RefusalReason.NotListed, (await DecideAsync(gate)).Refusal);
        AdmissionDecision other = await DecideAsync(gate, _testing.Content with { Key = TokenTesting.Bob });
        Assert.Equal((RefusalReason.TokenOfAnotherKey, "The token is for another key than this client's."), (other.Refusal, other.Message));
        gate.Revoked = Revoked("token-1");
        Assert.Equal(RefusalReason.TokenRevoked, (await DecideAsync(gate, _testing.Content)).Refusal);
        Assert.Equal(RefusalReason.TokenExpired, (await DecideAsync(gate, _testing.Content with { NotBefore = DateTimeOffset.UnixEpoch, Expires = DateTimeOffset.UnixEpoch.AddHours(1) })).Refusal);
    }

    [Fact]
    public async Task What_has_let_a_client_in_may_be_taken_back()
    {
        using AdmissionGate gate = Gate(listed: $"{TokenTesting.Alice.ToHex()} blue");
        AdmissionDecision listed = await DecideAsync(gate);
        AdmissionDecision shown = await DecideAsync(gate, _testing.Content);
        Assert.True(gate.StillHolds(TokenTesting.Alice, listed));
        Assert.True(gate.StillHolds(TokenTesting.Alice, shown));

        gate.List = List($"{TokenTesting.Alice.ToHex()} green");
        Assert.False(gate.StillHolds(TokenTesting.Alice, listed)); // It would be another tenant's now.
        gate.Revoked = Revoked("token-1");
        Assert.False(gate.StillHolds(TokenTesting.Alice, shown));
        gate.Revoked = Revoked("token-2");
        Assert.True(gate.StillHolds(TokenTesting.Alice, shown));
        gate.Verifier!.Keys = SigningKeys.None;
        Assert.False(gate.StillHolds(TokenTesting.Alice, shown));
    }

    [Fact]
    public async Task A_ban_goes_before_all_else_until_it_is_over()
    {
        using AdmissionGate gate = new(new AdmissionOptions { IsOpen = true }, _testing.Clock, NullLogger<AdmissionGate>.Instance);
        AdmissionDecision before = await DecideAsync(gate);
        Assert.True(gate.Bans.TryAdd(TokenTesting.Alice, _testing.Clock.Now + TimeSpan.FromMinutes(1), _testing.Clock.Now));

        Assert.Equal(RefusalReason.Banned, (await DecideAsync(gate)).Refusal);
        Assert.False(gate.StillHolds(TokenTesting.Alice, before));
        Assert.True(gate.StillHolds(TokenTesting.Bob, before));

        _testing.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.True((await DecideAsync(gate)).IsAllowed);
    }

    [Fact]
    public void Bans_are_bounded_and_those_that_are_over_make_room()
    {
        BanList bans = new();
        Timing.Instant now = _testing.Clock.Now;
        byte[] key = new byte[32];
        for (int i = 0; i < BanList.MaxBans; i++)
        {
            BitConverter.TryWriteBytes(key, i + 1);
            Assert.True(bans.TryAdd(new Relay.Protocol.NodeKey(key), now + TimeSpan.FromSeconds(i == 7 ? 1 : 60), now));
        }

        Assert.False(bans.TryAdd(TokenTesting.Alice, now + TimeSpan.FromSeconds(1), now));
        Assert.True(bans.TryAdd(new Relay.Protocol.NodeKey(key), now + TimeSpan.FromSeconds(60), now)); // Banned already.
        Assert.True(bans.TryAdd(TokenTesting.Alice, now + TimeSpan.FromSeconds(9), now + TimeSpan.FromSeconds(2)));
        Assert.Equal(BanList.MaxBans, bans.At(now + TimeSpan.FromSeconds(2)).Count());
    }

    [Fact]
    public void A_list_takes_all_forms_of_a_key_and_comments()
    {
        AllowList list = List($"# friends\n\n{TokenTesting.Alice.ToHex()}   # a comment\n\t{TokenTesting.Bob.ToText()} team-1\n{Tests.Core.RelayWorld.Keys(3).PublicKey.ToBase64()} team_2\n{TokenTesting.Alice.ToHex()}\n");

        Assert.Equal(3, list.Count);
        Assert.True(list.TryFind(TokenTesting.Alice, out string none));
        Assert.True(list.TryFind(TokenTesting.Bob, out string team));
        Assert.Equal(("", "team-1"), (none, team));
        Assert.False(list.TryFind(Tests.Core.RelayWorld.Keys(4).PublicKey, out _));
    }

    [Theory]
    [InlineData("nonsense", "line 2: the first word is no key")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "line 2: the first word is no key")]
    [InlineData("KEY a b", "line 2: there are 3 words")]
    [InlineData("KEY ü", "line 2: the tenant's name is none")]
    [InlineData("KEY blue\nKEY red", "line 3: the key is listed for two tenants")]
    public void A_bad_line_is_named_and_makes_the_whole_list_bad(string lines, string problem)
    {
        string text = "# \n" + lines.Replace("KEY", TokenTesting.Alice.ToHex(), StringComparison.Ordinal);

        Assert.Contains(problem, Assert.Throws<FormatException>(() => List(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_revocation_list_has_one_identifier_a_line()
    {
        Assert.True(Revoked("# lost\nabc # laptop\n").Contains("abc"));
        Assert.Contains("line 1", Assert.Throws<FormatException>(() => Revoked("a b")).Message, StringComparison.Ordinal);
        Assert.Contains("line 2", Assert.Throws<FormatException>(() => Revoked($"a\n{new string('x', RevocationList.MaxIdLength + 1)}")).Message, StringComparison.Ordinal);
    }

    private AdmissionGate Gate(string listed = "")
    {
        AdmissionOptions options = new() { ListFiles = ["list"], KeySetFiles = ["keys"] };
        AdmissionGate gate = new(options, _testing.Clock, NullLogger<AdmissionGate>.Instance) { List = List(listed) };
        gate.Verifier!.Keys = _testing.Keys;
        return gate;
    }

    private AllowList List(string text) => AllowList.Read([Write(text)]);

    private RevocationList Revoked(string text) => RevocationList.Read(Write(text));

    private string Write(string text)
    {
        string path = Path.Combine(_directory, Guid.NewGuid().ToString("N"));
        File.WriteAllText(path, text);
        return path;
    }

    private ValueTask<AdmissionDecision> DecideAsync(AdmissionGate gate, TokenContent? token = null) =>
        gate.DecideAsync(new LoginRequest(TokenTesting.Alice, new ClientInfo(), TransportAddress.FromIpv4(0x7f000001, 1)) { Token = token is null ? null : gate.Verifier!.Check(_testing.Signer.Sign(token)) });
}
