using NatLab;

namespace Interop.Tests;

/// <summary>Skips a test, saying why, where a program is missing or there can be no lab.</summary>
internal static class Needs
{
    public static void Programs(params string[] programs)
    {
        string? missing = LabRequirements.MissingForNetworksWith(programs);
        Assert.SkipUnless(missing is null, missing ?? "");
    }
}
