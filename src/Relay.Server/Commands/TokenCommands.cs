using System.Globalization;
using Settings;

namespace Relay.Server.Commands;

/// <summary>The commands <c>relay-server token issue</c> and <c>relay-server token inspect</c>.</summary>
internal static class TokenCommands
{
    /// <summary>The word that leads to them.</summary>
    public const string Word = "token";

    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    public static Task<int> RunAsync(string[] arguments)
    {
        CommandSet commands = new($"relay-server {Word}", "Makes the tokens that --admission token:JWKS takes, and looks into them.", "RELAY_TOKEN");
        TokenIssueCommand.AddTo(commands);
        TokenInspectCommand.AddTo(commands);
        return ProgramRunner.RunAsync(commands, arguments);
    }

    /// <summary>Reads a duration: a whole number and s, m, h or d; a hundred years at most.</summary>
    public static bool TryReadDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length < 2 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count)) return false;
        TimeSpan? unit = text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => null,
        };
        if (unit is not { } one || count == 0 || count > Longest / one) return false;
        duration = count * one;
        return true;
    }
}
