using System.Text;
using Microsoft.Extensions.Logging;
using Node.Traversal.Telemetry;
using Timing;

namespace Node.Traversal.Io.Relay;

/// <summary>What a relay says of its health, as far as it goes into the log: anything may stand there, and any number of times.</summary>
internal sealed class RelayHealth(string region, ILogger log, Instant now)
{
    /// <summary>Characters that are shown of it.</summary>
    public const int MaxLength = 500;

    /// <summary>A relay that changes its mind more often than this is not quoted each time.</summary>
    private const double LinesPerSecond = 1.0 / 60;
    private const double LineBurst = 5;

    private TokenBucket _lines = new(LinesPerSecond, LineBurst, now);
    private string _last = "";

    /// <summary>Takes what it says. Nothing is well.</summary>
    public void Handle(ReadOnlySpan<byte> body, Instant now)
    {
        string text = Printable(body);
        bool isNew = text != _last;
        _last = text;
        if (isNew && text.Length > 0 && _lines.TryTake(1, now)) TraversalLog.RelayHealth(log, region, text);
    }

    /// <summary>A stranger's bytes are shown at a terminal, a line at a time: what is not printable becomes a question mark.</summary>
    private static string Printable(ReadOnlySpan<byte> body)
    {
        string text = Encoding.UTF8.GetString(body[..Math.Min(body.Length, MaxLength)]);
        return string.Concat(text.Select(letter => char.IsControl(letter) || letter is '\ufffd' or '\u2028' or '\u2029' ? '?' : letter));
    }
}
