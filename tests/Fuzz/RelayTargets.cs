using System.Text;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Relay.Protocol.Extensions;
using Relay.Protocol.Handshake;
using Relay.Server.Core;

namespace Fuzz;

/// <summary>The head of a request: it is read whole or not at all, and breaks nothing but itself.</summary>
internal static class UpgradeRequestTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        try
        {
            if (!UpgradeRequest.TryRead(input, out UpgradeRequest request))
            {
                FuzzException.Unless(input.Length < UpgradeRequest.MaxLength && input.IndexOf("\r\n\r\n"u8) < 0, "A whole head that is not read.");
                return;
            }

            FuzzException.Unless(request.Length <= input.Length && request.Length <= UpgradeRequest.MaxLength && input[..request.Length].EndsWith("\r\n\r\n"u8), "A head that ends where there is no blank line.");
            FuzzException.Unless(!UpgradeRequest.TryRead(input[..(request.Length - 1)], out _), "A head that is read before its end has come.");
        }
        catch (RelayProtocolException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }
    }
}

/// <summary>The PROXY header: more bytes never change what was said, and less of it is never another one.</summary>
internal static class ProxyHeaderTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        try
        {
            if (!ProxyHeader.TryRead(input, out ProxyHeader header))
            {
                FuzzException.Unless(input.Length < ProxyHeader.MaxLength, "More is wanted than there may be.");
                return;
            }

            FuzzException.Unless(header.Length <= input.Length && header.Length <= ProxyHeader.MaxLength, "A header that is not there.");
            if (header.Length > 0) FuzzException.Unless(!ProxyHeader.TryRead(input[..(header.Length - 1)], out _), "A header that is read before its end has come.");
        }
        catch (RelayProtocolException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }
    }
}

/// <summary>X-Forwarded-For of a trusted proxy.</summary>
internal static class ForwardedForTarget
{
    private static readonly TrustedProxies Proxies = new(Addresses.IpPrefix.TryParse("10.0.0.0/8", out Addresses.IpPrefix prefix) ? [prefix] : []);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        try
        {
            Addresses.TransportAddress client = Proxies.ClientOf(Addresses.TransportAddress.FromIpv4(0x0a000001, 5), Encoding.Latin1.GetString(input));
            FuzzException.Unless(client.IsValid, "A client without an address.");
        }
        catch (RelayProtocolException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }
    }
}

/// <summary>A whole connection, from the head on: however it is cut into pieces, it comes to the same end.</summary>
internal static class RelaySessionTarget
{
    private const int PieceLength = 7;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        RelaySession whole = new();
        whole.Feed(input, Math.Max(1, input.Length));
        RelaySession cut = new();
        cut.Feed(input, PieceLength);
        FuzzException.Unless((whole.Client.Phase, whole.Client.CloseReason, whole.Client.Key) == (cut.Client.Phase, cut.Client.CloseReason, cut.Client.Key), "Cut into pieces it says something else.");
        whole.End();
        cut.End();
    }
}

/// <summary>What a client sends once it is in, or another relay of the region where the first byte is odd.</summary>
internal static class RelayFramesTarget
{
    private const int PieceLength = 11;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        bool isMeshPeer = (input[0] & 1) == 1;
        RelaySession whole = new();
        whole.LogIn(isMeshPeer);
        whole.Feed(input[1..], input.Length);
        RelaySession cut = new();
        cut.LogIn(isMeshPeer);
        cut.Feed(input[1..], PieceLength);
        FuzzException.Unless((whole.Client.Phase, whole.Client.CloseReason, whole.Client.IsHome) == (cut.Client.Phase, cut.Client.CloseReason, cut.Client.IsHome), "Cut into pieces it says something else.");
        whole.End();
        cut.End();
    }
}

/// <summary>What another relay says on a link of ours.</summary>
internal static class MeshLinkTarget
{
    private static readonly NodeKeyPair Own = NodeKeyPair.FromPrivateKey([.. Enumerable.Repeat((byte)9, NodeKey.Length)]);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        PacketRouter router = new(new RelayCounters());
        FuzzException.Unless(router.Tenants.TryEnter("", out Tenant? tenant) && tenant is not null, "There is no tenant.");
        MeshLink link = new(new RelayIdentity(Own, destination => destination.Fill(7)), router, tenant!);
        HashSet<ClientConnection> woken = [];
        try
        {
            int consumed = link.Receive(input, woken);
            FuzzException.Unless(consumed <= input.Length && input.Length - consumed < MeshLink.MaxInputLength, "More is held than is ever needed.");
        }
        catch (RelayProtocolException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }

        link.Close(woken);
        FuzzException.Unless(tenant!.RemoteKeyCount == 0, "A key that is known of a link that has ended.");
    }
}

/// <summary>What a relay answers to a client of ours.</summary>
internal static class ClientHandshakeTarget
{
    private static readonly NodeKeyPair Own = NodeKeyPair.FromPrivateKey(Convert.FromHexString("0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60"));

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        ClientHandshake handshake = new(Own, "relay", new ClientInfo(), new byte[Box.NonceLength]);
        try
        {
            int consumed = handshake.Receive(input);
            FuzzException.Unless(consumed <= input.Length, "More consumed than there is.");
            FuzzException.Unless(!handshake.IsComplete || handshake.ServerInfo is not null, "Complete without a ServerInfo.");
        }
        catch (RelayProtocolException exception)
        {
            FuzzException.Unless(exception.Message.Length > 0, "A complaint without a word.");
        }
    }
}

/// <summary>The MessagePack body of the Hello between nodes: what is read can be written, and says the same again.</summary>
internal static class HelloTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!Hello.TryRead(input, out Hello? hello)) return;
        FuzzException.Unless(hello is not null && Hello.TryRead(hello.ToMessage(), out Hello? again) && hello == again, "What was read is written otherwise.");
    }
}

/// <summary>The MessagePack body of a list of candidates between nodes.</summary>
internal static class CandidatesTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!AnnouncedCandidates.TryRead(input, out AnnouncedCandidates? read)) return;
        FuzzException.Unless(
            read is { List.Count: <= AnnouncedCandidates.MaxCandidates } && AnnouncedCandidates.TryRead(read.ToMessage(), out AnnouncedCandidates? again) && again is not null && read.List.SequenceEqual(again.List) && read.Links.SequenceEqual(again.Links),
            "What was read is written otherwise.");
    }
}

/// <summary>The MessagePack body of a punching plan between nodes.</summary>
internal static class PunchingPlanTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!PunchingPlan.TryRead(input, out PunchingPlan? plan)) return;
        FuzzException.Unless(
            plan is { Addresses.Count: <= PunchingPlan.MaxAddresses } && plan.StartsIn <= PunchingPlan.MaxStartsIn && PunchingPlan.TryRead(plan.ToMessage(), out PunchingPlan? again)
            && again is not null && again.Addresses.SequenceEqual(plan.Addresses) && again with { Addresses = plan.Addresses } == plan,
            "What was read is written otherwise.");
    }
}

/// <summary>The MessagePack body of the Token frame, which anybody may send.</summary>
internal static class TokenTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!TokenFrame.TryRead(input, out string token)) return;
        FuzzException.Unless(token.Length is > 0 and <= TokenFrame.MaxTokenLength, "A token of no length, or of too much.");
    }
}
