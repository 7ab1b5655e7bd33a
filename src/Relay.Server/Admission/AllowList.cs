using Relay.Protocol;
using Relay.Server.Core;

namespace Relay.Server.Admission;

/// <summary>The keys that may use the relay, each with its tenant, as the files of <c>--admission file:PATH</c> name them.</summary>
internal sealed class AllowList
{
    /// <summary>The list that names nobody.</summary>
    public static readonly AllowList Empty = new([]);

    private readonly Dictionary<NodeKey, string> _tenants;

    private AllowList(Dictionary<NodeKey, string> tenants) => _tenants = tenants;

    public int Count => _tenants.Count;

    /// <summary>Reads all files. One line that is wrong makes all of them wrong: half a list would shut clients out, or keep some that were removed.</summary>
    /// <exception cref="FormatException">A line is not understood; the message says which.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static AllowList Read(IEnumerable<string> paths)
    {
        Dictionary<NodeKey, string> tenants = [];
        foreach (string path in paths)
        {
            foreach ((int line, string[] words) in ListFile.Read(path)) Add(tenants, words, $"{path}, line {line}");
        }

        return new AllowList(tenants);
    }

    /// <summary>Says whether the key is listed, and for which tenant; empty where none is named.</summary>
    public bool TryFind(NodeKey key, out string tenant)
    {
        bool isListed = _tenants.TryGetValue(key, out string? found);
        tenant = found ?? "";
        return isListed;
    }

    private static void Add(Dictionary<NodeKey, string> tenants, string[] words, string where)
    {
        if (!NodeKey.TryParse(words[0], out NodeKey key)) throw new FormatException($"{where}: the first word is no key; give 64 hexadecimal digits, with or without nodekey: before them, or 44 characters of base64");
        if (words.Length > 2) throw new FormatException($"{where}: there are {words.Length} words; give a key, and a tenant where there is one");
        string tenant = words.Length > 1 ? words[1] : "";
        if (tenant.Length > 0 && !Tenant.IsValidName(tenant)) throw new FormatException($"{where}: the tenant's name is none; give up to {Tenant.MaxNameLength} letters, digits, '.', '_' or '-'");
        if (!tenants.TryAdd(key, tenant) && tenants[key] != tenant) throw new FormatException($"{where}: the key is listed for two tenants; give it one, or tokens, which name theirs");
    }
}
