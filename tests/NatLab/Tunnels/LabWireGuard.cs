namespace NatLab;

/// <summary>Which WireGuard the lab's hosts have: <c>wireguard-go</c>, or the kernel's own where <see cref="Variable"/> asks for it.</summary>
public static class LabWireGuard
{
    /// <summary>The environment variable that chooses: <c>wireguard-go</c> (the default) or <c>kernel</c>.</summary>
    public const string Variable = "NATLAB_WIREGUARD";

    private const string Program = "wireguard-go";
    private const string Kernel = "kernel";

    /// <summary>Says whether it is the kernel's.</summary>
    /// <exception cref="LabException">The variable says something else.</exception>
    public static bool IsKernel { get; } = (Environment.GetEnvironmentVariable(Variable) ?? Program) switch
    {
        Kernel => true,
        Program => false,
        string other => throw new LabException($"{Variable} is \"{other}\": it must be {Program} or {Kernel}"),
    };

    /// <summary>The programs that it takes.</summary>
    internal static string[] Programs => IsKernel ? ["wg"] : [Program, "wg"];
}
