using System.Net;
using System.Net.NetworkInformation;
using Addresses;
using Node.Traversal.Core.Netcheck;

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

/// <summary>Finds the default gateways in Linux's main routing tables; elsewhere none is known.</summary>
internal static class DefaultGateway
{
    /// <summary>The IPv4 gateway of the default route with the lowest metric; not valid where there is none, or the table cannot be read.</summary>
    public static GatewayRoute FindIpv4() => new(LinuxRoutes.FindIpv4Gateway(LinuxTable.Read(LinuxTable.Ipv4Routes)), 0);

    /// <summary>The same for IPv6.</summary>
    public static GatewayRoute FindIpv6()
    {
        (TransportAddress gateway, string name) = LinuxIpv6Routes.FindGateway(LinuxTable.Read(LinuxTable.Ipv6Routes));
        return gateway.IsValid ? new GatewayRoute(gateway, IndexOf(name)) : default;
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
}
