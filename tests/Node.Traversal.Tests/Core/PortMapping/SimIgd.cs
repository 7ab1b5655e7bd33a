using System.Text;
using System.Text.RegularExpressions;
using Addresses;
using Node.Traversal.Core.PortMapping;

namespace Node.Traversal.Tests.Core.PortMapping;

/// <summary>A router's UPnP in memory: it describes itself, maps ports and makes pinholes, as well or as badly as it is told to.</summary>
internal sealed partial class SimIgd(TransportAddress gateway)
{
    public const string Connection1 = "urn:schemas-upnp-org:service:WANIPConnection:1";
    public const string Connection2 = "urn:schemas-upnp-org:service:WANIPConnection:2";
    public const string Firewall = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1";

    private readonly Queue<int> _errors = new();
    private int _pinhole;

    public bool IsOn { get; set; }

    /// <summary>Where it says that its description is.</summary>
    public string Location { get; set; } = $"http://{gateway.WithPort(5000)}/rootDesc.xml";

    /// <summary>Its services, with their control URLs.</summary>
    public List<(string Type, string ControlUrl)> Services { get; } = [(Connection1, "/ctl/IPConn")];

    /// <summary>The whole description; null = one that names the services.</summary>
    public string? Description { get; set; }

    /// <summary>How many requests for the description do not get it yet.</summary>
    public int LostDescriptions { get; set; }

    /// <summary>What those get: an HTTP status; 0 = no answer.</summary>
    public int LostStatus { get; set; }

    /// <summary>Another place where it says that a description is, and none is to be had; null = it says nothing of the kind.</summary>
    public string? DeadLocation { get; set; }

    /// <summary>The answer to every action; null = an honest one.</summary>
    public Func<UpnpRequest, UpnpReply>? OnAction { get; set; }

    /// <summary>The external address, by path.</summary>
    public Dictionary<string, string> ExternalOf { get; } = [];
    public string External { get; set; } = "198.51.100.7";

    /// <summary>The port that it gives where any will do; 0 = the one asked for.</summary>
    public int ReservedPort { get; set; }
    public bool IsFirewallOn { get; set; } = true;
    public bool AllowsPinholes { get; set; } = true;

    /// <summary>External port to internal client, and its lease.</summary>
    public Dictionary<string, (string Client, string Lease)> Mappings { get; } = [];
    public Dictionary<string, string> Pinholes { get; } = [];
    public List<UpnpRequest> Requests { get; } = [];

    public IEnumerable<string> Actions => Requests.Where(request => request.Action is not null).Select(request => request.Action![(request.Action!.IndexOf('#', StringComparison.Ordinal) + 1)..]);

    public int CountOf(string action) => Actions.Count(done => done == action);

    /// <summary>Errors to answer the next actions that map a port with.</summary>
    public void FailAdding(params int[] errors)
    {
        foreach (int error in errors) _errors.Enqueue(error);
    }

    /// <summary>What it answers to one search.</summary>
    public IEnumerable<(TransportAddress Source, byte[] Answer)> Answers() =>
        IsOn ? [.. new[] { DeadLocation, Location }.OfType<string>().Select(location => (gateway.WithPort(49152), SearchAnswer(location)))] : [];

    public static byte[] SearchAnswer(string location) => Encoding.ASCII.GetBytes(
        $"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nUSN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nEXT:\r\nSERVER: router\r\nLOCATION: {location}\r\n\r\n");

    public UpnpReply Answer(UpnpRequest request)
    {
        Requests.Add(request);
        if (!IsOn) return UpnpReply.None;
        if (request.Action is null && DeadLocation?.EndsWith(request.Path, StringComparison.Ordinal) == true) return UpnpReply.None;
        if (request.Action is null && LostDescriptions-- > 0) return Reply(LostStatus, "");
        if (request.Action is null) return Reply(200, Description ?? Describe());
        if (OnAction is not null) return OnAction(request);

        string body = Encoding.UTF8.GetString(request.Body);
        return request.Action[(request.Action.IndexOf('#', StringComparison.Ordinal) + 1)..] switch
        {
            "GetExternalIPAddress" => Success(("NewExternalIPAddress", ExternalOf.GetValueOrDefault(request.Path, External))),
            "AddPortMapping" => Add(body, isAnyPort: false),
            "AddAnyPortMapping" => Add(body, isAnyPort: true),
            "DeletePortMapping" => Mappings.Remove(Value(body, "NewExternalPort")) ? Success() : Fault(714),
            "GetSpecificPortMappingEntry" => Mappings.TryGetValue(Value(body, "NewExternalPort"), out (string Client, string Lease) entry) ? Success(("NewInternalClient", entry.Client)) : Fault(714),
            "GetFirewallStatus" => Success(("FirewallEnabled", IsFirewallOn ? "1" : "0"), ("InboundPinholeAllowed", AllowsPinholes ? "1" : "0")),
            "AddPinhole" => AddPinhole(body),
            "UpdatePinhole" => Pinholes.ContainsKey(Value(body, "UniqueID")) ? Success() : Fault(704),
            "GetPinholePackets" => Pinholes.ContainsKey(Value(body, "UniqueID")) ? Success(("PinholePackets", "7")) : Fault(704),
            "DeletePinhole" => Pinholes.Remove(Value(body, "UniqueID")) ? Success() : Fault(704),
            _ => Fault(401),
        };
    }

    public static UpnpReply Reply(int status, string body) => new(status, Encoding.UTF8.GetBytes(body));

    public static UpnpReply Fault(int error) => Reply(500, $"""
        <?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>
        <detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>{error}</errorCode><errorDescription>no</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>
        """);

    public static UpnpReply Success(params (string Name, string Value)[] values) => Reply(200, $"""
        <?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:Response xmlns:u="urn:x">{string.Concat(values.Select(value => $"<{value.Name}>{value.Value}</{value.Name}>"))}</u:Response></s:Body></s:Envelope>
        """);

    public string Describe() => $"""
        <?xml version="1.0"?>
        <root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device><serviceList>
        {string.Concat(Services.Select(service => $"<service><serviceType>{service.Type}</serviceType><controlURL>{service.ControlUrl}</controlURL><SCPDURL>/x</SCPDURL></service>"))}
        </serviceList></device></deviceList></device></root>
        """;

    private UpnpReply Add(string body, bool isAnyPort)
    {
        if (_errors.TryDequeue(out int error)) return Fault(error);
        string port = isAnyPort && ReservedPort != 0 ? $"{ReservedPort}" : Value(body, "NewExternalPort");
        Mappings[port] = (Value(body, "NewInternalClient"), Value(body, "NewLeaseDuration"));
        return isAnyPort ? Success(("NewReservedPort", port)) : Success();
    }

    private UpnpReply AddPinhole(string body)
    {
        string id = $"{++_pinhole}";
        Pinholes[id] = $"{Value(body, "InternalClient")} {Value(body, "InternalPort")} {Value(body, "Protocol")} {Value(body, "LeaseTime")}";
        return Success(("UniqueID", id));
    }

    private static string Value(string body, string name) => Regex.Match(body, $"<{name}>(.*?)</{name}>").Groups[1].Value;
}
