using System.Net;

namespace NatLab.Tests;

/// <summary>Asks the kernel whether each kind of NAT behaves as its name says; every verdict on a traversal rests on this.</summary>
public class NatKindTests
{
    [Theory]
    [InlineData("pub")]
    [InlineData("eim-eif")]
    [InlineData("eim-adf")]
    [InlineData("eim-apdf")]
    [InlineData("eimr-eif")]
    [InlineData("eimr-adf")]
    [InlineData("eimr-apdf")]
    [InlineData("adm-eif")]
    [InlineData("adm-apdf")]
    [InlineData("seq-apdf")]
    [InlineData("seq-apdf,step=2")]
    [InlineData("eimr-eif,range=20480-21503")]
    [InlineData("fw")]
    [InlineData("linux")]
    [InlineData("edm-eif")]
    [InlineData("edm-adf")]
    [InlineData("edm-apdf")]
    public async Task A_nat_maps_and_filters_as_its_name_says(string name)
    {
        Needs.Networks();
        NatKind kind = NatKind.Parse(name);
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", kind);

        Assert.Equal(kind.Mapping, MappingOf(lab, site, kind.Step));
        Assert.Equal(kind.Filtering, FilteringOf(lab, site));
        Assert.Equal(name, kind.ToString());
    }

    [Theory]
    [InlineData("cone")]
    [InlineData("eim")]
    [InlineData("eim-none")]
    [InlineData("x-apdf")]
    [InlineData("eim-apdf,step=2")]
    [InlineData("seq-apdf,step=x")]
    [InlineData("pub,hairpin")]
    [InlineData("linux-apdf")]
    [InlineData("eim-apdf,wide")]
    [InlineData("eim-apdf,cgn=x")]
    public void A_name_that_is_no_kind_is_refused(string name) => Assert.Throws<FormatException>(() => NatKind.Parse(name));

    [Theory]
    [InlineData("eim-apdf", true)]
    [InlineData("eimr-apdf", true)]
    [InlineData("eim-adf", true)]
    [InlineData("linux", false)] // Its conntrack gives the port to the stranger, and the host gets another.
    public async Task An_early_packet_costs_a_host_its_public_port_where_the_router_takes_it(string name, bool isKept)
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site a = await lab.AddSiteAsync("a", NatKind.Parse(name));
        Site b = await lab.AddSiteAsync("b", NatKind.Parse("eim-apdf"));
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe atA = new(a.Host, port: 5000);
        using UdpProbe atB = new(b.Host, port: 6000);
        IPEndPoint publicA = atA.SourceSeenBy(server)!;
        IPEndPoint publicB = atB.SourceSeenBy(server)!;

        Assert.False(atB.Reaches(atA, publicA)); // Early: A has sent nothing to B yet.
        Assert.Equal(isKept, atA.Reaches(atB, publicB));
        Assert.Equal(isKept, atB.Reaches(atA, publicA));
    }

    [Theory]
    [InlineData("eim-eif")]
    [InlineData("eimr-apdf")]
    public async Task Hosts_of_one_site_do_not_meet_at_their_public_addresses(string name)
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Parse(name));
        LabHost second = await site.AddHostAsync("a2");
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe one = new(site.Host);
        using UdpProbe other = new(second);
        IPEndPoint publicOne = one.SourceSeenBy(server)!;
        IPEndPoint publicOther = other.SourceSeenBy(server)!;
        one.Send("open", publicOther);

        Assert.False(other.Reaches(one, publicOne));
        Assert.True(other.Reaches(one, new IPEndPoint(IPAddress.Parse(site.Host.Address), one.Local.Port)));
    }

    private static NatMapping MappingOf(Lab lab, Site site, int step)
    {
        using UdpProbe first = new(lab.Server, Lab.ServerAddress);
        using UdpProbe otherPort = new(lab.Server, Lab.ServerAddress);
        using UdpProbe otherAddress = new(lab.Server, Lab.ServerSecondAddress);
        using UdpProbe host = new(site.Host);
        IPEndPoint[] seen = [host.SourceSeenBy(first)!, host.SourceSeenBy(otherPort)!, host.SourceSeenBy(otherAddress)!];

        if (seen[0].Address.ToString() == site.Host.Address) return NatMapping.None;
        Assert.All(seen, source => Assert.Equal(site.PublicAddress, source.Address.ToString()));
        return seen.Distinct().Count() switch
        {
            1 when seen[0].Port == host.Local.Port => NatMapping.EndpointIndependent,
            1 => NatMapping.EndpointIndependentRandom,
            2 when seen[0].Port == seen[1].Port => NatMapping.AddressDependent,
            _ when seen[1].Port - seen[0].Port == step && seen[2].Port - seen[1].Port == step => NatMapping.Sequential,
            _ => NatMapping.EndpointDependent,
        };
    }

    private static NatFiltering FilteringOf(Lab lab, Site site)
    {
        using UdpProbe known = new(lab.Server, Lab.ServerAddress);
        using UdpProbe otherPort = new(lab.Server, Lab.ServerAddress);
        using UdpProbe otherAddress = new(lab.Server, Lab.ServerSecondAddress);
        using UdpProbe host = new(site.Host);
        IPEndPoint seen = host.SourceSeenBy(known)!;

        Assert.True(known.Reaches(host, seen));
        if (otherAddress.Reaches(host, seen)) return NatFiltering.EndpointIndependent;
        return otherPort.Reaches(host, seen) ? NatFiltering.AddressDependent : NatFiltering.AddressAndPortDependent;
    }
}
