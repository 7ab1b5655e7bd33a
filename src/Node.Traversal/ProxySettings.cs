using System.Net;
using Addresses;
using Node.Traversal.Core.Proxies;

namespace Node.Traversal;

/// <summary>By which proxy relays are reached, and which are reached without.</summary>
/// <param name="Proxy">The proxy; null = none.</param>
public sealed record ProxySettings(HttpProxy? Proxy)
{
    private NoProxyList Exceptions { get; init; } = NoProxyList.Empty;

    /// <summary>Relays are reached directly.</summary>
    public static ProxySettings None { get; } = new((HttpProxy?)null);

    /// <summary>
    /// What the environment says, as with curl: <c>https_proxy</c>, else <c>HTTPS_PROXY</c>, else <c>all_proxy</c>, else <c>ALL_PROXY</c>; and
    /// <c>no_proxy</c> or <c>NO_PROXY</c> with names (and all below them), addresses, ranges in CIDR notation, or <c>*</c>, each with a
    /// port or without, separated by commas.
    /// </summary>
    /// <param name="variable">Gives the value of a variable; null = it is not set.</param>
    /// <exception cref="FormatException">A variable names no proxy that can be used; the message begins with the variable's name, and never quotes its value.</exception>
    public static ProxySettings FromEnvironment(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string? name = Array.Find(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"], candidate => !string.IsNullOrWhiteSpace(variable(candidate)));
        if (name is null) return None;
        try
        {
            return new ProxySettings(HttpProxy.Parse(variable(name)!)).WithExceptions(variable);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{name}: {exception.Message}", exception);
        }
    }

    /// <summary>These settings with the exceptions of <c>no_proxy</c> or <c>NO_PROXY</c>.</summary>
    /// <param name="variable">Gives the value of a variable; null = it is not set.</param>
    public ProxySettings WithExceptions(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        return this with { Exceptions = NoProxyList.Parse(variable("no_proxy") ?? variable("NO_PROXY") ?? "") };
    }

    /// <summary>The proxy by which a machine of a relay map is reached; null = it is reached directly.</summary>
    internal HttpProxy? For(RelayNode node)
    {
        TransportAddress[] addresses = [.. new[] { node.Ipv4, node.Ipv6 }.Where(address => address.IsValid)];
        return For(node.HostName, addresses, node.RelayPort);
    }

    /// <summary>The proxy by which a host is reached; null = it is reached directly.</summary>
    /// <param name="host">Its name or address.</param>
    /// <param name="port">The TCP port.</param>
    public HttpProxy? For(string host, ushort port) => For(host, [], port);

    private HttpProxy? For(string host, TransportAddress[] addresses, ushort port)
    {
        if (Proxy is null) return null;
        if (IPAddress.TryParse(host, out IPAddress? literal)) addresses = [.. addresses, TransportAddress.From(literal, 0)];
        return Exceptions.Covers(host, addresses, port) ? null : Proxy;
    }
}
