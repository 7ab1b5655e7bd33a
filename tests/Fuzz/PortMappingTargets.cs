using System.Text;
using Addresses;
using Node.Traversal.Messages.NatPmp;
using Node.Traversal.Messages.Pcp;
using Node.Traversal.Messages.Upnp;

namespace Fuzz;

/// <summary>A PCP response: what is read of it is within it.</summary>
internal static class PcpTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool isResponse = PcpResponse.TryRead(input, out PcpResponse response);
        bool isMapping = PcpMapping.TryRead(input, out PcpMapping mapping);
        if (isResponse) FuzzException.Unless(input.Length >= PcpResponse.HeaderLength && (byte)response.Opcode < 0x80, "A response that is not there.");
        if (!isMapping) return;
        byte[] again = PcpRequest.Map(mapping.External.WithPort(mapping.InternalPort), mapping.Nonce, mapping.External, response.LifetimeSeconds);
        FuzzException.Unless(again.AsSpan(24, 12).SequenceEqual(input[24..36]), "Another nonce.");
        FuzzException.Unless(again.AsSpan(40, 4).SequenceEqual(input[40..44]), "Other ports.");
        FuzzException.Unless(again.AsSpan(44, 16).SequenceEqual(input[44..60]), "Another address.");
    }
}

/// <summary>A NAT-PMP response.</summary>
internal static class NatPmpTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!NatPmpResponse.TryRead(input, out NatPmpResponse response)) return;
        FuzzException.Unless(input.Length >= 8 && input[0] == 0 && input[1] >= 0x80, "A response that is none.");
        FuzzException.Unless(response.Result == NatPmpResult.Success || (!response.External.IsValid && response.ExternalPort == 0), "An error that gives something.");
    }
}

/// <summary>The answer to a search, and the URL in it: what is taken names a plain address and a path that fits into one line.</summary>
internal static class SsdpTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (!SsdpAnswer.TryRead(input, out SsdpAnswer answer)) return;
        FuzzException.Unless(answer.Location.Length > 0 && !answer.Location.Contains('\n', StringComparison.Ordinal), "A location of no line, or of two.");
        if (LanUrl.TryRead(answer.Location, out LanUrl url)) Check(url);
    }

    public static void Check(LanUrl url)
    {
        FuzzException.Unless(url.Host.IsValid && url.Host.Port != 0, "A host that is none.");
        FuzzException.Unless(url.Path.StartsWith('/') && url.Path.Length <= LanUrl.MaxLength && url.Path.All(letter => letter is > ' ' and <= '~'), "A path that is none.");
        FuzzException.Unless(Uri.TryCreate($"http://{url.Host}{url.Path}", UriKind.Absolute, out Uri? uri), "A URL that is none.");
        FuzzException.Unless(uri!.Port == url.Host.Port && TransportAddress.From(System.Net.IPAddress.Parse(uri.Host), uri.Port) == url.Host, "A URL that leads elsewhere.");
        FuzzException.Unless(!url.TryResolve("//203.0.113.9/", out _), "A path that names another host.");
    }
}

/// <summary>A router's description: few services, whose types mean nothing in a header or in XML.</summary>
internal static class UpnpDescriptionTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        UpnpDescription description = UpnpDescription.Read(input.ToArray());
        FuzzException.Unless(description.Services.Count <= UpnpDescription.MaxServices, "More services than there may be.");
        LanUrl location = new(TransportAddress.FromIpv4(0xc0a80101, 5000), "/a/desc.xml");
        foreach (UpnpServiceEntry service in description.Services)
        {
            FuzzException.Unless(service.Type.Length > 0 && service.Type.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is ':' or '-' or '_' or '.'), "A type that means something.");
            FuzzException.Unless(service.ControlUrl.Length is > 0 and <= UpnpXml.MaxValueLength, "A URL of no length, or of too much.");
            if (location.TryResolve(service.ControlUrl, out LanUrl url)) SsdpTarget.Check(url);
        }
    }
}

/// <summary>The answer to an action: it went well, or there is an error.</summary>
internal static class SoapResponseTarget
{
    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        byte[] body = input.ToArray();
        SoapResponse response = SoapResponse.Read(200, body);
        FuzzException.Unless(response.Error >= -1 && response.IsSuccess == (response.Error == 0), "An error that is none.");
        FuzzException.Unless(!SoapResponse.Read(500, body).IsSuccess, "A success that failed.");
        FuzzException.Unless(!response.IsSuccess || Encoding.Latin1.GetString(body).Length > 0, "A success of nothing.");
        FuzzException.Unless(response["NewExternalIPAddress"].Length <= UpnpXml.MaxValueLength, "A value that is too long.");
    }
}
