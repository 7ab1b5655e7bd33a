using Microsoft.Extensions.Logging;
using Settings;

namespace Node.Agent;

/// <summary>The file with the token that relays are shown. It is read at each login, so that whoever renews it need not tell anybody.</summary>
/// <param name="locate">Where the file is, as of now; null = there is none.</param>
/// <param name="log">Told why there is no token: once for each reason, not at every login.</param>
internal sealed class RelayTokenFile(Func<string?> locate, ILogger log)
{
    /// <summary>The longest token, in characters: what a relay takes.</summary>
    public const int MaxLength = 4 << 10;

    private const int LineEndLength = 2;

    private volatile string? _toldProblem;

    /// <summary>The token; null where there is no file or it holds none: relays that want no token work without. Any thread may ask.</summary>
    public string? Read()
    {
        if (locate() is not { } path) return null;
        try
        {
            string token = NamedFile.ReadText(path, MaxLength + LineEndLength).Trim();
            bool isToken = token.Length is > 0 and <= MaxLength && token.All(character => character is > ' ' and <= '~');
            if (!isToken) throw new IOException("it holds no token");
            _toldProblem = null;
            return token;
        }
        catch (IOException exception)
        {
            string problem = $"{path} cannot be used: {exception.Message}";
            if (_toldProblem != problem) log.NoRelayToken(problem);
            _toldProblem = problem;
            return null;
        }
    }
}
