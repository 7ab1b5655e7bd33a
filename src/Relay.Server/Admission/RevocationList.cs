namespace Relay.Server.Admission;

/// <summary>The identifiers (jti) of tokens that count for nothing any more, as <c>--token-revoked FILE</c> lists them.</summary>
internal sealed class RevocationList
{
    /// <summary>The longest identifier of a token, in characters.</summary>
    public const int MaxIdLength = 128;

    /// <summary>The list that revokes none.</summary>
    public static readonly RevocationList Empty = new([]);

    private readonly HashSet<string> _ids;

    private RevocationList(HashSet<string> ids) => _ids = ids;

    public int Count => _ids.Count;

    /// <exception cref="FormatException">A line is not understood; the message says which.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RevocationList Read(string path)
    {
        HashSet<string> ids = new(StringComparer.Ordinal);
        foreach ((int line, string[] words) in ListFile.Read(path))
        {
            if (words.Length > 1 || words[0].Length > MaxIdLength) throw new FormatException($"{path}, line {line}: this is no token's identifier; give one a line, as 'relay-server token inspect' shows it");
            ids.Add(words[0]);
        }

        return new RevocationList(ids);
    }

    public bool Contains(string id) => _ids.Contains(id);
}
