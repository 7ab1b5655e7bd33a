using System.Security.Cryptography;
using System.Text;
using Settings;

namespace Node.Agent.Maps;

/// <summary>Where the relay map is: a file, or an HTTPS URL.</summary>
/// <param name="File">The file's path, or null.</param>
/// <param name="Url">The URL, or null.</param>
/// <param name="Source">The setting it came from, for messages.</param>
internal sealed record RelayMapLocation(string? File, Uri? Url, string Source)
{
    private const int NameLength = 16;

    /// <summary>The name under which the last good copy of a map from a URL is kept: one for each URL.</summary>
    public string CopyName => $"map-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Url?.AbsoluteUri ?? "")))[..NameLength]}.json";

    /// <summary>Reads what an option or a comment line says.</summary>
    /// <exception cref="OptionException">A URL that is not HTTPS: whoever can change the map decides who sees our addresses.</exception>
    public static RelayMapLocation Parse(string text, string source)
    {
        if (!text.Contains("://", StringComparison.Ordinal)) return new RelayMapLocation(text, null, source);
        bool isGood = Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme == Uri.UriSchemeHttps && url.UserInfo.Length == 0;
        return isGood ? new RelayMapLocation(null, url, source) : throw new OptionException(source, $"'{text}' is no https:// URL", "give a file or an https:// URL");
    }

    public override string ToString() => File ?? Url?.AbsoluteUri ?? "";
}
