namespace NatLab.Tests;

/// <summary>Skips a test, saying why, where there can be no lab.</summary>
internal static class Needs
{
    public static void Networks() => Assert.SkipUnless(LabRequirements.MissingForNetworks is null, LabRequirements.MissingForNetworks ?? "");

    public static void Tunnels() => Assert.SkipUnless(LabRequirements.MissingForTunnels is null, LabRequirements.MissingForTunnels ?? "");

    public static void Programs(params string[] programs)
    {
        string? missing = LabRequirements.MissingForNetworksWith(programs);
        Assert.SkipUnless(missing is null, missing ?? "");
    }
}
