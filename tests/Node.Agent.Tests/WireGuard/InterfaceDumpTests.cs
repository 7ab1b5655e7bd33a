using CsCheck;
using Node.Agent.WireGuard;

namespace Node.Agent.Tests.WireGuard;

public sealed class InterfaceDumpTests
{
    private static readonly string Dump =
        $"{Keys.PrivateText(1)}\t{Keys.Peer(1).ToBase64()}\t51820\t0xca6c\n" +
        $"{Keys.Peer(2).ToBase64()}\t(none)\t198.51.100.2:41000\t10.9.0.2/32,fd00:9::2/128\t1700000000\t10\t20\toff\n" +
        $"{Keys.Peer(3).ToBase64()}\t{Keys.PrivateText(8)}\t[2001:db8::3]:41000\t(none)\t0\t0\t0\t25\n" +
        $"{Keys.Peer(4).ToBase64()}\t(none)\t(none)\t10.9.0.4/32\t0\t0\t0\toff\n";

    [Fact]
    public void The_interface_and_its_peers_are_read()
    {
        InterfaceDump dump = InterfaceDump.Parse(Dump)!;

        Assert.Equal(Keys.Peer(1), dump.PublicKey);
        Assert.Equal(51820, dump.ListenPort);
        Assert.Equal(0xca6cu, dump.FirewallMark);
        Assert.Equal("198.51.100.2:41000", dump.Endpoints[Keys.Peer(2)].ToString());
        Assert.Equal("[2001:db8::3]:41000", dump.Endpoints[Keys.Peer(3)].ToString());
        Assert.False(dump.Endpoints[Keys.Peer(4)].IsValid);
    }

    [Fact]
    public void An_interface_without_a_key_a_port_or_a_mark_is_read()
    {
        InterfaceDump dump = InterfaceDump.Parse("(none)\t(none)\t0\toff\n")!;

        Assert.Equal((null, (ushort)0, 0u, 0), (dump.PublicKey, dump.ListenPort, dump.FirewallMark, dump.Endpoints.Count));
    }

    [Fact]
    public void Only_a_peer_without_an_endpoint_and_a_handshake_is_untried()
    {
        InterfaceDump dump = InterfaceDump.Parse(Dump + $"{Keys.Peer(5).ToBase64()}\t(none)\t(none)\t(none)\t1700000000\t0\t0\toff\n")!;

        Assert.Equal([Keys.Peer(4)], dump.Untried.Keys);
        Assert.Equal(("10.9.0.4/32", null, null), (dump.Untried[Keys.Peer(4)].AllowedAddresses, dump.Untried[Keys.Peer(4)].PresharedKey, dump.Untried[Keys.Peer(4)].Keepalive));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("(none)\t(none)\tport\toff")]
    [InlineData("(none)\t(none)\t0\tblue")]
    [InlineData("(none)\t(none)\t0\toff\nshort")]
    public void What_is_no_dump_is_refused(string text) => Assert.Null(InterfaceDump.Parse(text));

    [Fact]
    public void Damaged_dumps_never_crash_it() =>
        Gen.Select(Gen.Int[0, Dump.Length - 1], Gen.Int[0, 40], Gen.String).Sample((at, length, text) =>
        {
            InterfaceDump.Parse(Dump.Remove(at, Math.Min(length, Dump.Length - at)).Insert(at, text));
        }, iter: 5_000);
}
