using System.Globalization;
using System.Text;

namespace Node.Traversal.Messages.Upnp;

/// <summary>Writes an action (UPnP Device Architecture 1.1 §3.2.1).</summary>
internal static class SoapRequest
{
    /// <summary>The body of an action.</summary>
    /// <param name="serviceType">The service, as its description spells it.</param>
    /// <param name="action">The action's name.</param>
    /// <param name="arguments">Its arguments, in the order of the service's definition; values that need no escaping.</param>
    public static byte[] Write(string serviceType, string action, params ReadOnlySpan<(string Name, string Value)> arguments)
    {
        StringBuilder xml = new();
        xml.Append("<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">");
        xml.Append(CultureInfo.InvariantCulture, $"<s:Body><u:{action} xmlns:u=\"{serviceType}\">");
        foreach ((string name, string value) in arguments) xml.Append(CultureInfo.InvariantCulture, $"<{name}>{value}</{name}>");
        xml.Append(CultureInfo.InvariantCulture, $"</u:{action}></s:Body></s:Envelope>\r\n");
        return Encoding.UTF8.GetBytes(xml.ToString());
    }
}

/// <summary>What an action was answered: values by name, or an error's number (§3.2.2). The words of an error are not read: they are the router's.</summary>
internal sealed class SoapResponse
{
    private const int MaxValues = 32;

    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private SoapResponse(int status) => Status = status;

    /// <summary>The HTTP status.</summary>
    public int Status { get; }

    /// <summary>The error's number; 0 where the action went well, -1 where it did not and no number was given.</summary>
    public int Error { get; private set; }

    /// <summary>Says that the action went well.</summary>
    public bool IsSuccess => Error == 0;

    /// <summary>A value; empty where there is none.</summary>
    public string this[string name] => _values.GetValueOrDefault(name, "");

    /// <summary>Reads one: nonsense is an error without a number.</summary>
    /// <param name="status">The HTTP status.</param>
    /// <param name="body">The HTTP body.</param>
    public static SoapResponse Read(int status, byte[] body)
    {
        SoapResponse response = new(status);
        bool hasBody = false;
        bool isWhole = UpnpXml.Read(body, (name, text, _) =>
        {
            hasBody |= name == "Body";
            if (text is not null) response._values.TryAdd(name, text);
            return response._values.Count < MaxValues;
        });
        bool isError = response._values.ContainsKey("errorCode") || status != 200;
        if (isError) response.Error = int.TryParse(response["errorCode"], NumberStyles.None, CultureInfo.InvariantCulture, out int code) && code > 0 ? code : -1;
        else if (!isWhole || !hasBody) response.Error = -1;
        return response;
    }
}
