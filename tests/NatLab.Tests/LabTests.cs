using System.Net;
using System.Net.Sockets;

namespace NatLab.Tests;

/// <summary>The lab itself: what it cuts, heals and moves, and that it leaves nothing behind.</summary>
public class LabTests
{
    [Fact]
    public async Task A_packet_with_a_low_ttl_leaves_its_site_and_dies_in_the_core()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Parse("eim-apdf"));
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe host = new(site.Host);

        host.Ttl = 4;
        Assert.False(host.Reaches(server, server.Local));
        host.Ttl = Lab.CoreHops + 4;
        Assert.True(host.Reaches(server, server.Local));
    }

    [Fact]
    public async Task A_site_far_away_answers_late_and_loses_nothing()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Public, delay: TimeSpan.FromMilliseconds(30));

        PingStream pings = PingStream.Start(lab.Server, site.Host.Address, TimeSpan.FromMilliseconds(20));
        await pings.WaitForReplyAsync(30, TimeSpan.FromSeconds(10));
        await pings.StopAsync();

        Assert.All(pings.Replies, reply => Assert.True(reply.Rtt >= TimeSpan.FromMilliseconds(60), $"{reply}"));
        Assert.Equal(pings.Replies.Count, pings.Replies[^1].Sequence);
        Assert.True(ConnectsByTcp(lab, site.Host)); // Checksums that the kernel leaves to the card arrive finished.
    }

    [Fact]
    public async Task A_site_without_udp_still_has_tcp_and_gets_udp_back()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Parse("eim-apdf"));
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe host = new(site.Host);
        Assert.True(host.Reaches(server, server.Local));

        await site.BlockUdpAsync();

        Assert.False(host.Reaches(server, server.Local));
        Assert.True(ConnectsByTcp(lab, site.Host));
        await site.UnblockUdpAsync();
        Assert.True(host.Reaches(server, server.Local));
    }

    [Fact]
    public async Task A_cut_between_two_sites_leaves_the_server_reachable_and_heals()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site a = await lab.AddSiteAsync("a", NatKind.Public);
        Site b = await lab.AddSiteAsync("b", NatKind.Public);
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe atA = new(a.Host, a.Host.Address);
        using UdpProbe atB = new(b.Host, b.Host.Address);
        Assert.True(atA.Reaches(atB, atB.Local));

        await lab.CutUdpAsync(a, b);

        Assert.False(atA.Reaches(atB, atB.Local));
        Assert.False(atB.Reaches(atA, atA.Local));
        Assert.True(atA.Reaches(server, server.Local));
        await lab.HealUdpAsync(a, b);
        Assert.True(atA.Reaches(atB, atB.Local));
        Assert.True(atB.Reaches(atA, atA.Local));
    }

    [Fact]
    public async Task A_host_that_moves_has_the_addresses_of_where_it_is()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site home = await lab.AddSiteAsync("a", NatKind.Parse("eim-apdf"));
        Site cafe = await lab.AddSiteAsync("b", NatKind.Parse("eimr-apdf"), IPv6Access.Firewalled);
        using UdpProbe server = new(lab.Server, Lab.ServerAddress);
        using UdpProbe host = new(home.Host);
        LabHost traveller = home.Host;
        string before = traveller.Address;
        Assert.Equal(home.PublicAddress, host.SourceSeenBy(server)?.Address.ToString());

        await traveller.MoveToAsync(cafe);

        Assert.Equal(cafe.PublicAddress, host.SourceSeenBy(server)?.Address.ToString());
        Assert.NotEqual(before, traveller.Address);
        await traveller.RunAsync("ping", "-6", "-c", "1", "-W", "2", Lab.ServerAddressIPv6);
        await traveller.MoveToAsync(home);
        Assert.Equal(home.PublicAddress, host.SourceSeenBy(server)?.Address.ToString());
        Assert.NotEqual(before, traveller.Address);
    }

    [Theory]
    [InlineData(IPv6Access.Open, true)]
    [InlineData(IPv6Access.Firewalled, false)]
    public async Task Only_an_ipv6_firewall_keeps_strangers_out(IPv6Access access, bool reached)
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Parse("edm-apdf"), access);

        CommandResult ping = await lab.Server.Namespace.TryRunAsync(["ping", "-6", "-c", "1", "-W", "1", site.Host.AddressIPv6!]);

        Assert.Equal(reached, ping.ExitCode == 0);
    }

    [Fact]
    public async Task Two_labs_live_side_by_side_and_leave_nothing_behind()
    {
        Needs.Networks();
        Lab one = await Lab.CreateAsync();
        Lab other = await Lab.CreateAsync();
        foreach (Lab lab in new[] { one, other }) await lab.AddSiteAsync("a", NatKind.Parse("eim-apdf"));
        LabProcess sleeper = one.Sites[0].Host.Start(["sleep", "1000"]);
        LabProcess daemon = one.Sites[0].Host.Start(["setsid", "--fork", "sleep", "1000"]);
        await daemon.StopAsync();

        await one.DisposeAsync();

        Assert.True(sleeper.HasExited);
        Assert.Empty(LabRemains.ProcessesOf(one.Name));
        Assert.DoesNotContain(one.Name, await Command.RunAsync(["ip", "netns", "list"]));
        Assert.Contains(other.Name, await Command.RunAsync(["ip", "netns", "list"]));
        await other.DisposeAsync();
        Assert.DoesNotContain(other.Name, await Command.RunAsync(["ip", "netns", "list"]));
    }

    [Fact]
    public async Task A_lab_whose_owner_is_gone_is_removed_by_the_next()
    {
        Needs.Networks();
        LabClaim orphan = LabClaim.Take();
        NetworkNamespace left = new($"{orphan.Name}-left", new Dictionary<string, string> { [LabClaim.EnvironmentMark] = orphan.Name });
        await Lab.CreateNamespaceAsync(left, forwards: false);
        await using LabProcess process = left.Start("left", ["sleep", "1000"]);
        orphan.ReleaseLock();

        await using Lab next = await Lab.CreateAsync();

        // Another lab that is made at this moment may have taken the orphan first, and be at it still.
        for (int i = 0; i < 100 && LabRemains.ProcessesOf(orphan.Name).Any(); i++) await Task.Delay(50);
        Assert.Empty(LabRemains.ProcessesOf(orphan.Name));
        for (int i = 0; i < 100 && await IsListedAsync(left); i++) await Task.Delay(50);
        Assert.False(await IsListedAsync(left));

        static async Task<bool> IsListedAsync(NetworkNamespace space) => (await Command.RunAsync(["ip", "netns", "list"])).Contains(space.Name, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_ends_early_is_reported_with_what_it_said()
    {
        Needs.Networks();
        await using Lab lab = await Lab.CreateAsync();
        LabProcess process = lab.Server.Start(["sh", "-c", "echo no; echo way >&2; exit 3"]);

        LabException failure = await Assert.ThrowsAsync<LabException>(() => process.WaitForLineAsync(line => line == "ready", TimeSpan.FromSeconds(5)));

        Assert.Contains("exit code 3", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no", failure.Message, StringComparison.Ordinal);
        Assert.Contains("way", failure.Message, StringComparison.Ordinal);
    }

    private static bool ConnectsByTcp(Lab lab, LabHost host)
    {
        using Socket listener = lab.Server.Namespace.Enter(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Parse(Lab.ServerAddress), 0));
        listener.Listen();
        using Socket client = host.Namespace.Enter(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        return Task.Run(() => client.ConnectAsync(listener.LocalEndPoint!)).Wait(TimeSpan.FromSeconds(5));
    }
}
