using System.Text.Json;
using NatLab;

namespace Interop.Tests;

/// <summary>Other people's STUN clients ask our server, and our client asks other people's servers, behind NATs of several kinds: each must name them rightly.</summary>
public sealed class StunInteropTests(StunInteropLab lab) : IClassFixture<StunInteropLab>
{
    public static TheoryData<string> Kinds => [.. StunInteropLab.Kinds];

    [Fact]
    public async Task The_stun_client_of_coturn_gets_three_answers_from_our_server()
    {
        Needs.Programs(StunInteropLab.Client);

        CommandResult answer = await lab.AnswerAsync("pub", StunInteropLab.Client);

        Assert.Equal(0, answer.ExitCode);
        Assert.Contains($"Other addr: : {Lab.ServerSecondAddress}:3479", answer.Output, StringComparison.Ordinal);
        Assert.Equal(3, answer.Output.Split("UDP reflexive addr: 198.18.101.10:").Length - 1);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_discovery_of_coturn_names_the_nat_by_asking_our_server(string name)
    {
        Needs.Programs(StunInteropLab.Discovery);
        NatKind kind = NatKind.Parse(name);

        CommandResult answer = await lab.AnswerAsync(name, StunInteropLab.Discovery);

        Assert.Equal(0, answer.ExitCode);
        // It asks last where the server's second answer says, and takes that for the first answer's other address. Ours says what RFC 5780 §7.4 wants, the
        // address farthest from the one that was asked, and so a mapping that depends on the address alone looks to it like one that depends on both.
        string mapping = kind.Mapping == NatMapping.AddressDependent ? "Address and Port Dependent" : MappingWords(kind);
        Assert.Contains($"{mapping} Mapping", answer.Output, StringComparison.Ordinal);
        Assert.Contains($"{FilteringWords(kind)} Filtering", answer.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_classic_client_names_the_nat_by_asking_our_server(string name)
    {
        Needs.Programs(StunInteropLab.Classic);

        CommandResult answer = await lab.AnswerAsync(name, StunInteropLab.Classic);

        Assert.Contains($"Primary: {ClassicWords(NatKind.Parse(name))}", answer.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Our_client_names_the_nat_by_asking_coturn(string name)
    {
        Needs.Programs(StunInteropLab.Coturn);
        AssertNamed(NatKind.Parse(name), await lab.AnswerAsync(name, StunInteropLab.Coturn), "Coturn");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Our_client_names_the_nat_by_asking_the_classic_server(string name)
    {
        Needs.Programs(StunInteropLab.ClassicServer);
        AssertNamed(NatKind.Parse(name), await lab.AnswerAsync(name, StunInteropLab.ClassicServer), "Vovida.org");
    }

    private static void AssertNamed(NatKind kind, CommandResult answer, string software)
    {
        Assert.Equal(0, answer.ExitCode);
        using JsonDocument document = JsonDocument.Parse(answer.Output);
        JsonElement told = document.RootElement.GetProperty("results")[0];
        Assert.Equal(OurWords(MappingWords(kind)), told.GetProperty("mapping").GetString());
        Assert.Equal(OurWords(FilteringWords(kind)), told.GetProperty("filtering").GetString());
        Assert.Contains(software, told.GetProperty("software").GetString(), StringComparison.Ordinal);
    }

    private static string OurWords(string words) => words.ToLowerInvariant().Replace(' ', '-');

    private static string MappingWords(NatKind kind) => kind.Mapping switch
    {
        NatMapping.AddressDependent => "Address Dependent",
        NatMapping.EndpointDependent => "Address and Port Dependent",
        _ => "Endpoint Independent",
    };

    private static string FilteringWords(NatKind kind) => kind.Filtering switch
    {
        NatFiltering.EndpointIndependent => "Endpoint Independent",
        NatFiltering.AddressDependent => "Address Dependent",
        _ => "Address and Port Dependent",
    };

    /// <summary>RFC 3489 knows no filter behind a mapping that depends on the destination.</summary>
    private static string ClassicWords(NatKind kind) => (kind.Mapping, kind.Filtering) switch
    {
        (NatMapping.None, NatFiltering.EndpointIndependent) => "Open",
        (NatMapping.None, _) => "Firewall",
        (NatMapping.AddressDependent or NatMapping.EndpointDependent, _) => "Dependent Mapping",
        (_, NatFiltering.EndpointIndependent) => "Independent Mapping, Independent Filter",
        (_, NatFiltering.AddressDependent) => "Independent Mapping, Address Dependent Filter",
        _ => "Independent Mapping, Port Dependent Filter",
    };
}
