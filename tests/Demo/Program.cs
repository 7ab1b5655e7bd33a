using System.Diagnostics;
using Demo;
using NatLab;

Timeline timeline = new();
long start = Stopwatch.GetTimestamp();
bool isSimulated = args.Contains("--simulated");
string? missing = OperatingSystem.IsLinux() ? LabRequirements.MissingForTunnels : "it needs Linux";
try
{
    if (isSimulated || missing is not null || !OperatingSystem.IsLinux())
    {
        Timeline.Say(isSimulated
            ? "The story in a simulated network, as asked."
            : $"The kernel's network cannot be used here ({missing}), so the story is told in a simulated network. As root on Linux it runs on the real one.");
        new SimulatedStory(timeline).Tell();
    }
    else
    {
        await new KernelStory(timeline).TellAsync();
    }
}
catch (LabException exception)
{
    Console.Error.WriteLine($"\nThe story broke off: {exception.Message}");
    return 1;
}

Timeline.Say("");
if (timeline.Failures.Count == 0)
{
    Timeline.Say($"All as it should be, in {Stopwatch.GetElapsedTime(start).TotalSeconds:0} s.");
    return 0;
}

Timeline.Say($"{timeline.Failures.Count} not as it should be:");
foreach (string failure in timeline.Failures) Timeline.Say($"  ✗ {failure}");
return 1;
