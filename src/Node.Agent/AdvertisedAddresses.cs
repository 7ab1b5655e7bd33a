using Addresses;
using Node.Traversal;
using Settings;

namespace Node.Agent;

/// <summary>Reads where the world reaches this node, as its user says: a port forwarded by hand, a cloud's public address.</summary>
internal static class AdvertisedAddresses
{
    /// <summary>What would be right, for messages.</summary>
    public const string Remedy = "write it like 203.0.113.7:41641 or [2001:db8::7]:41641, several with commas between them";

    /// <summary>Reads a list.</summary>
    /// <param name="text">Addresses with ports, and commas between them.</param>
    /// <param name="addresses">The addresses, each once.</param>
    /// <returns>What is wrong, as a sentence without a full stop; null where nothing is.</returns>
    public static string? TryRead(string text, out IReadOnlyList<TransportAddress> addresses)
    {
        List<TransportAddress> list = [];
        addresses = list;
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!TransportAddress.TryParse(part, out TransportAddress address)) return $"'{part}' is no address with a port";
            if (TraversalNodeOptions.ProblemOfAdvertised(address) is { } problem) return problem;
            if (!list.Contains(address)) list.Add(address);
        }

        return list.Count > TraversalNodeOptions.MaxAdvertisedAddresses ? $"{list.Count} addresses are more than the {TraversalNodeOptions.MaxAdvertisedAddresses} that peers are told" : null;
    }

    /// <summary>What the option says; null where it is not given.</summary>
    /// <exception cref="OptionException">It is no such list.</exception>
    public static IReadOnlyList<TransportAddress>? Read(ParsedOptions values, OptionKey key)
    {
        if (values.Text(key) is not { } text) return null;
        return TryRead(text, out IReadOnlyList<TransportAddress> addresses) is { } problem ? throw new OptionException(values.SourceOf(key), problem, Remedy) : addresses;
    }
}
