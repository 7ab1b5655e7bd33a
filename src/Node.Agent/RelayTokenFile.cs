using Microsoft.Extensions.Logging;

namespace Node.Agent;

/// <summary>The file with the token that relays are shown. It is read at each login, so that whoever renews it need not tell anybody.</summary>
internal static class RelayTokenFile
{
    /// <summary>The longest token, in characters: what a relay takes.</summary>
    public const int MaxLength = 4 << 10;

    /// <summary>The token; null where there is no file or it holds none, which is logged: relays that want no token work without.</summary>
    public static string? Read(string? path, ILogger log)
    {
        if (path is null) return null;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxLength + 2 }) throw new IOException("it is too long");
            string token = File.ReadAllText(path).Trim();
            bool isToken = token.Length is > 0 and <= MaxLength && token.All(character => character is > ' ' and <= '~');
            return isToken ? token : throw new IOException("it holds no token");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            log.NoRelayToken(path, exception.Message);
            return null;
        }
    }
}
