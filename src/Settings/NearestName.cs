namespace Settings;

/// <summary>Guesses which name was meant.</summary>
internal static class NearestName
{
    private const int MaxDistance = 3; // A slip of the finger or two; more than that is another word.
    private const int MaxLength = 64; // The distance is computed in the product of both lengths.

    /// <summary>The known name closest to <paramref name="name"/>, or null where none is close.</summary>
    public static string? Of(string name, IEnumerable<string> known)
    {
        if (name.Length > MaxLength) return null;
        return known
            .Select(candidate => (Name: candidate, Distance: Distance(name, candidate)))
            .Where(candidate => candidate.Distance <= Math.Min(MaxDistance, candidate.Name.Length / 2))
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>How many letters must be put in, left out or replaced to turn one name into the other (Levenshtein's distance).</summary>
    private static int Distance(string left, string right)
    {
        int[] previous = [.. Enumerable.Range(0, right.Length + 1)];
        foreach ((int row, char letter) in left.Index())
        {
            int[] current = new int[right.Length + 1];
            current[0] = row + 1;
            for (int column = 0; column < right.Length; column++)
            {
                int replaced = previous[column] + (letter == right[column] ? 0 : 1);
                current[column + 1] = Math.Min(replaced, Math.Min(previous[column + 1], current[column]) + 1);
            }

            previous = current;
        }

        return previous[^1];
    }
}
