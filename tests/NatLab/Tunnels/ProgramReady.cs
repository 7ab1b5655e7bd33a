namespace NatLab;

/// <summary>How our programs say that they are ready: one JSON line on stdout.</summary>
internal static class ProgramReady
{
    public static bool IsReadyLine(string line) => line.StartsWith("{\"ready\":true", StringComparison.Ordinal);
}
