using System.Globalization;
using Settings;

namespace Relay.Server.Commands;

/// <summary>The commands <c>relay-server token issue</c> and <c>relay-server token inspect</c>.</summary>
internal static class TokenCommands
{
    /// <summary>The word that leads to them.</summary>
    public const string Word = "token";

    public static Task<int> RunAsync(string[] arguments)
    {
        CommandSet commands = new($"relay-server {Word}", "Makes the tokens that --admission token:JWKS takes, and looks into them.", "RELAY_TOKEN");
        TokenIssueCommand.AddTo(commands);
        TokenInspectCommand.AddTo(commands);
        return ProgramRunner.RunAsync(commands, arguments);
    }

    /// <summary>Reads a duration: a whole number and s, m, h or d.</summary>
    public static bool TryReadDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length < 2 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int count)) return false;
        (bool isUnit, duration) = text[^1] switch
        {
            's' => (true, TimeSpan.FromSeconds(count)),
            'm' => (true, TimeSpan.FromMinutes(count)),
            'h' => (true, TimeSpan.FromHours(count)),
            'd' => (true, TimeSpan.FromDays(Math.Min(count, 36_500))),
            _ => (false, default),
        };
        return isUnit && duration > TimeSpan.Zero;
    }
}
