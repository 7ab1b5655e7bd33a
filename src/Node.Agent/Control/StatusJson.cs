using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Node.Agent.PortMapping;

namespace Node.Agent.Control;

/// <summary>Writes the status for programs. Its members are a promise: monitoring reads them.</summary>
internal static class StatusJson
{
    /// <summary>RFC 3339, in UTC, to the millisecond.</summary>
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>One line of JSON.</summary>
    public static string Write(AgentStatus status)
    {
        ArrayBufferWriter<byte> output = new();
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) // No page shows it: a key's plus sign may stay.
        {
            json.WriteStartObject();
            WriteSelf(json, status);
            json.WriteStartArray("peers");
            foreach (PeerStatusLine peer in status.Peers) WritePeer(json, peer);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void WriteSelf(Utf8JsonWriter json, AgentStatus status)
    {
        json.WriteStartObject("self");
        json.WriteString("publicKey", status.PublicKey);
        WriteRegion(json, "homeRelay", status.HomeRelay);
        json.WriteNumber("udpPort", status.UdpPort);
        NatProfileJson.Write(json, "nat", status.Nat);
        NatProfileJson.Write(json, "natIpv6", status.NatIpv6);
        json.WriteStartArray("candidates");
        foreach (CandidateLine candidate in status.Candidates)
        {
            json.WriteStartObject();
            json.WriteString("address", candidate.Address);
            json.WriteString("kind", candidate.Kind);
            json.WriteBoolean("isUnconfirmed", candidate.IsUnconfirmed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WritePropertyName("portMapping");
        PortMappingOutput.Write(json, status.PortMapping);
        json.WriteString("relayProblem", status.RelayProblem);
        if (status.CaptivePortal is { } isCaptive) json.WriteBoolean("captivePortal", isCaptive);
        else json.WriteNull("captivePortal");
        json.WriteEndObject();
    }

    private static void WriteRegion(Utf8JsonWriter json, string name, RelayRegionStatus? region)
    {
        if (region is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteNumber("regionId", region.RegionId);
        json.WriteString("regionCode", region.RegionCode);
        json.WriteEndObject();
    }

    private static void WritePeer(Utf8JsonWriter json, PeerStatusLine peer)
    {
        json.WriteStartObject();
        json.WriteString("publicKey", peer.PublicKey);
        json.WriteString("path", peer.Path);
        json.WriteString("endpoint", peer.Endpoint); // A null string is written as null.
        json.WriteString("endpointKind", peer.EndpointKind);
        WriteRegion(json, "relay", peer.Relay);
        if (peer.Rtt is { } rtt) json.WriteNumber("rttMs", Math.Round(rtt.TotalMilliseconds, 3));
        else json.WriteNull("rttMs");
        if (peer.PathMtu is { } mtu) json.WriteNumber("pathMtu", mtu);
        else json.WriteNull("pathMtu");
        json.WriteNumber("putBacks", peer.PutBacks);
        json.WriteStartArray("putBackEndpoints");
        foreach (string endpoint in peer.PutBackEndpoints) json.WriteStringValue(endpoint);
        json.WriteEndArray();
        json.WriteString("since", peer.Since.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture));
        json.WriteNumber("rxBytes", peer.RxBytes);
        json.WriteNumber("txBytes", peer.TxBytes);
        if (peer.Verdict is { } verdict)
        {
            json.WriteStartObject("verdict");
            json.WriteString("code", verdict.Code);
            json.WriteString("text", verdict.Text);
            json.WriteString("stage", verdict.Stage);
            json.WriteString("remedy", verdict.Remedy);
            json.WriteString("remedyText", verdict.RemedyText);
            json.WriteStartArray("tried");
            foreach (string method in verdict.Tried) json.WriteStringValue(method);
            json.WriteEndArray();
            if (verdict.Probability is { } probability) json.WriteNumber("probability", Math.Round(probability, 6));
            else json.WriteNull("probability");
            json.WriteString("notAttempted", verdict.NotAttempted);
            NatProfileJson.Write(json, "here", verdict.Here);
            NatProfileJson.Write(json, "there", verdict.There);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("verdict");
        }

        json.WriteEndObject();
    }
}
