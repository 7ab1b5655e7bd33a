using System.Globalization;

namespace NatLab;

/// <summary>A cable that takes its time: a namespace of its own in the middle, in which <c>natlab-wire</c> hands frames on late.</summary>
internal static class LongCable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Joins two namespaces; every frame arrives <paramref name="delay"/> later, either way.</summary>
    public static async Task LayAsync(
        Lab lab, string name, NetworkNamespace one, string interfaceOfOne, NetworkNamespace other, string interfaceOfOther, TimeSpan delay)
    {
        NetworkNamespace middle = lab.NamespaceOf(name);
        await Lab.CreateNamespaceAsync(middle, forwards: false);
        middle.WriteSysctls([("ipv6/conf/default/disable_ipv6", "1")]); // Frames pass through; nobody speaks here.
        await Lab.LayCableAsync(one, interfaceOfOne, middle, "near");
        await Lab.LayCableAsync(other, interfaceOfOther, middle, "far");
        await middle.IpAsync("link set dev near promisc on", "link set dev far promisc on");
        LabProcess wire = lab.Track(middle.Start(name, [Program, "near", "far", delay.TotalMilliseconds.ToString(CultureInfo.InvariantCulture)]));
        await wire.WaitForLineAsync(line => line == "ready", StartTimeout);
    }

    private static string Program
    {
        get
        {
            // Beside our own output, built with it: artifacts/bin/NatLab.Wire/release.
            string output = new DirectoryInfo(AppContext.BaseDirectory).Name;
            string path = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "NatLab.Wire", output, "natlab-wire"));
            return File.Exists(path) ? path : throw new LabException($"there is no {path}: build tests/NatLab.Wire");
        }
    }
}
