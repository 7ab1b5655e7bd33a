namespace Node.Traversal.Messages.Upnp;

/// <summary>A service that a router's description names.</summary>
/// <param name="Type">Its type, as the router spells it: actions must be spelled so.</param>
/// <param name="ControlUrl">Where actions go, as the router wrote it.</param>
internal readonly record struct UpnpServiceEntry(string Type, string ControlUrl);

/// <summary>A router's description of itself (UPnP Device Architecture 1.1 §2.3): of all its devices within devices we read the services.</summary>
/// <param name="UrlBase">What relative URLs count from; null = where the description itself was.</param>
/// <param name="Services">Its services, at most <see cref="MaxServices"/>.</param>
internal sealed record UpnpDescription(string? UrlBase, IReadOnlyList<UpnpServiceEntry> Services)
{
    public const int MaxServices = 32;

    private const int MaxTypeLength = 128;

    /// <summary>Reads one. What is damaged counts up to the damage: there are routers whose descriptions end in garbage.</summary>
    public static UpnpDescription Read(byte[] body)
    {
        string? urlBase = null;
        string? type = null;
        string? control = null;
        List<UpnpServiceEntry> services = [];
        UpnpXml.Read(body, (name, text, _) =>
        {
            switch (name)
            {
                case "URLBase" when !string.IsNullOrEmpty(text):
                    urlBase ??= text;
                    break;
                case "serviceType":
                    type = text;
                    break;
                case "controlURL":
                    control = text;
                    break;
                case "service":
                    if (IsType(type) && !string.IsNullOrEmpty(control)) services.Add(new UpnpServiceEntry(type, control));
                    type = control = null;
                    break;
                default:
                    break;
            }

            return services.Count < MaxServices;
        });
        return new UpnpDescription(urlBase, services);
    }

    /// <summary>A type goes into a header and into XML as it is: it may hold nothing that means something there.</summary>
    private static bool IsType([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] string? type) =>
        type is { Length: > 0 and <= MaxTypeLength } && type.All(character => char.IsAsciiLetterOrDigit(character) || character is ':' or '-' or '_' or '.');
}
