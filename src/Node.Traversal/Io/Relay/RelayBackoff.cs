using System.Security.Cryptography;

namespace Node.Traversal.Io.Relay;

/// <summary>How long to wait before the next attempt to connect: n² × 10 ms with jitter, 5 s at most, so that a relay's return is no storm.</summary>
internal static class RelayBackoff
{
    /// <summary>A connection that has lasted this long was a good one: the next pause is short again.</summary>
    public static readonly TimeSpan GoodAfter = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Unit = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <summary>The pause after so many failures in a row.</summary>
    public static TimeSpan After(int failures)
    {
        double factor = Math.Min((double)failures * failures, Longest / Unit) * (0.5 + RandomNumberGenerator.GetInt32(1000) / 1000.0);
        return Unit * factor < Longest ? Unit * factor : Longest;
    }
}
