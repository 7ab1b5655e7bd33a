using System.Buffers;
using System.Text;
using System.Text.Json;
using Addresses;

namespace Relay.Server.Hosting;

/// <summary>Writes the relay map (DERPMap JSON) by which nodes reach this relay.</summary>
internal static class RelayMapPage
{
    /// <summary>The first number that is free for operators' own regions.</summary>
    private const int RegionId = 900;
    private const string RegionCode = "self";

    /// <summary>The map of a relay at these addresses.</summary>
    /// <param name="tls">Where TLS clients are accepted.</param>
    /// <param name="plain">Where plain clients are; used where there is no TLS.</param>
    /// <param name="stun">Where STUN answers.</param>
    /// <param name="certificate">The certificate, which is pinned where no authority vouches for it.</param>
    public static string Write(IReadOnlyList<TransportAddress> tls, IReadOnlyList<TransportAddress> plain, IReadOnlyList<TransportAddress> stun, ServerCertificate? certificate)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartObject("Regions");
            json.WriteStartObject($"{RegionId}");
            json.WriteNumber("RegionID", RegionId);
            json.WriteString("RegionCode", RegionCode);
            json.WriteString("RegionName", "This relay");
            json.WriteStartArray("Nodes");
            int nodes = 0;
            bool isTls = tls.Count > 0;
            HashSet<UInt128> named = [];
            foreach (IGrouping<ushort, TransportAddress> port in (isTls ? tls : plain).GroupBy(address => address.Port))
            {
                // One node has one address of each family: more of them are further nodes of the region.
                TransportAddress[] ipv4 = [.. port.Where(address => address.IsIpv4)];
                TransportAddress[] ipv6 = [.. port.Where(address => address.IsIpv6)];
                for (int i = 0; i < Math.Max(ipv4.Length, ipv6.Length); i++)
                {
                    TransportAddress four = ipv4.ElementAtOrDefault(i);
                    TransportAddress six = ipv6.ElementAtOrDefault(i);
                    WriteNode(json, NameOf(nodes++), four, six, port.Key, StunPortOf(stun, four.IsValid ? four : six), isStunOnly: false, isTls ? certificate : null);
                    named.UnionWith([four.Bits, six.Bits]);
                }
            }

            foreach (TransportAddress address in stun.Where(address => !named.Contains(address.Bits)))
            {
                TransportAddress four = address.IsIpv4 ? address : default;
                TransportAddress six = address.IsIpv6 ? address : default;
                WriteNode(json, NameOf(nodes++), four, six, relayPort: 0, address.Port, isStunOnly: true, certificate: null);
            }

            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);

        static string NameOf(int index) => $"{RegionId}{(char)('a' + index % 26)}{(index < 26 ? "" : $"{index / 26}")}";
    }

    private static void WriteNode(Utf8JsonWriter json, string name, TransportAddress ipv4, TransportAddress ipv6, ushort relayPort, int stunPort, bool isStunOnly, ServerCertificate? certificate)
    {
        TransportAddress any = ipv4.IsValid ? ipv4 : ipv6;
        json.WriteStartObject();
        json.WriteString("Name", name);
        json.WriteNumber("RegionID", RegionId);
        json.WriteString("HostName", certificate is { IsSelfSigned: false } ? certificate.NameAt(any) ?? any.ToIPAddress().ToString() : any.ToIPAddress().ToString());
        json.WriteString("IPv4", ipv4.IsValid ? ipv4.ToIPAddress().ToString() : "none");
        json.WriteString("IPv6", ipv6.IsValid ? ipv6.ToIPAddress().ToString() : "none");
        json.WriteNumber("STUNPort", stunPort);
        if (isStunOnly) json.WriteBoolean("STUNOnly", true);
        else json.WriteNumber("DERPPort", relayPort);
        if (certificate is { IsSelfSigned: true }) json.WriteString("CertName", $"sha256-raw:{certificate.Pin}");
        if (!isStunOnly && certificate is null) json.WriteBoolean("PlainForTests", true);
        json.WriteEndObject();
    }

    private static int StunPortOf(IReadOnlyList<TransportAddress> stun, TransportAddress node)
    {
        foreach (TransportAddress address in stun)
        {
            if (address.Bits == node.Bits) return address.Port;
        }

        return -1; // None there.
    }
}
