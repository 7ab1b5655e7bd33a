namespace Addresses;

/// <summary>
/// IPv4 addresses as every tool reads them alike: four decimal numbers without leading zeros. The base library also takes <c>127.1</c>, and
/// reads <c>010.0.0.1</c> as 8.0.0.1, as some systems do: whoever wrote that meant another address, and may have meant to trust it.
/// </summary>
internal static class DottedDecimal
{
    private const int Parts = 4;

    /// <summary>Says whether a text that the base library takes for an IPv4 address is written so.</summary>
    public static bool IsWritten(ReadOnlySpan<char> text)
    {
        int count = 0;
        foreach (Range range in text.Split('.'))
        {
            ReadOnlySpan<char> part = text[range];
            if (part.IsEmpty || part.ContainsAnyExceptInRange('0', '9') || (part.Length > 1 && part[0] == '0')) return false;
            count++;
        }

        return count == Parts;
    }
}
