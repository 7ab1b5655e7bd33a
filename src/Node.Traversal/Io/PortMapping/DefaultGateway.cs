using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Addresses;

namespace Node.Traversal.Io.PortMapping;

/// <summary>A way out of this network.</summary>
/// <param name="Address">The gateway; not valid = there is none.</param>
/// <param name="InterfaceIndex">The interface it is reached by: an address of the link says nothing without it. 0 = the routing table decides.</param>
internal readonly record struct GatewayRoute(TransportAddress Address, int InterfaceIndex)
{
    /// <summary>The gateway's address as sockets want it.</summary>
    public IPAddress ToIPAddress()
    {
        IPAddress address = Address.ToIPAddress();
        if (address.IsIPv6LinkLocal) address.ScopeId = InterfaceIndex;
        return address;
    }
}

/// <summary>Finds the default gateways in Linux's main routing tables.</summary>
internal static class DefaultGateway
{
    private const string RoutesFile = "/proc/net/route";
    private const string Ipv6RoutesFile = "/proc/net/ipv6_route";
    private const int MaxRoutes = 10_000; // Some routers carry hundreds of thousands; the default route stands at the top.
    private const int FlagUp = 1;
    private const int FlagGateway = 2;

    /// <summary>The IPv4 gateway of the default route with the lowest metric; not valid where there is none, or the table cannot be read.</summary>
    public static GatewayRoute FindIpv4() => new(Read(RoutesFile, FindIpv4), 0);

    /// <summary>The same for IPv6.</summary>
    public static GatewayRoute FindIpv6()
    {
        (TransportAddress gateway, string name) = Read(Ipv6RoutesFile, FindIpv6);
        return gateway.IsValid ? new GatewayRoute(gateway, IndexOf(name)) : default;
    }

    /// <summary>Finds it in the table's lines: interface, destination, gateway, flags, two counters, metric, mask, and more; addresses in hexadecimal, byte order of the machine.</summary>
    public static TransportAddress FindIpv4(IEnumerable<string> lines)
    {
        TransportAddress best = default;
        long lowest = long.MaxValue;
        foreach (string line in lines.Take(MaxRoutes))
        {
            string[] words = line.Split('\t', StringSplitOptions.TrimEntries);
            if (words.Length < 8 || !TryHex(words[1], out uint destination) || !TryHex(words[2], out uint gateway) || !TryHex(words[3], out uint flags) || !TryHex(words[7], out uint mask)) continue;
            bool isDefault = destination == 0 && mask == 0 && IsGateway(flags) && gateway != 0;
            if (!isDefault || !long.TryParse(words[6], NumberStyles.None, CultureInfo.InvariantCulture, out long metric) || metric >= lowest) continue;
            lowest = metric;
            best = TransportAddress.FromIpv4(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(gateway) : gateway, 0);
        }

        return best;
    }

    /// <summary>Finds it, and its interface, in the table's lines: destination, its length, source, its length, gateway, metric, two counters, flags, interface; all hexadecimal.</summary>
    public static (TransportAddress Gateway, string Interface) FindIpv6(IEnumerable<string> lines)
    {
        (TransportAddress, string) best = (default, "");
        uint lowest = uint.MaxValue;
        foreach (string line in lines.Take(MaxRoutes))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 10 || words[1] != "00" || words[3] != "00" || words[4].Length != 32) continue;
            if (!UInt128.TryParse(words[4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 gateway) || gateway == 0) continue;
            if (!TryHex(words[5], out uint metric) || !TryHex(words[8], out uint flags) || !IsGateway(flags) || metric >= lowest) continue;
            lowest = metric;
            best = (TransportAddress.FromIpv6(gateway, 0), words[9]);
        }

        return best;
    }

    private static T? Read<T>(string file, Func<IEnumerable<string>, T> find)
    {
        if (!OperatingSystem.IsLinux()) return default;
        try
        {
            return find(File.ReadLines(file));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return default; // No table, no gateway.
        }
    }

    private static int IndexOf(string name)
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces().FirstOrDefault(found => found.Name == name)?.GetIPProperties().GetIPv6Properties()?.Index ?? 0;
        }
        catch (NetworkInformationException)
        {
            return 0; // It went away while it was read.
        }
    }

    private static bool IsGateway(uint flags) => (flags & (FlagUp | FlagGateway)) == (FlagUp | FlagGateway);

    private static bool TryHex(string text, out uint value) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
