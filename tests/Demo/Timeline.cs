using System.Diagnostics;

namespace Demo;

/// <summary>Prints what happens and when, for a person to read. Colours only on a terminal.</summary>
internal sealed class Timeline
{
    private readonly bool _hasColours = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null;
    private long _start = Stopwatch.GetTimestamp();

    /// <summary>Scenarios that did not end as they should.</summary>
    public List<string> Failures { get; } = [];

    /// <summary>Where the time comes from; null = the clock since the chapter began.</summary>
    public Func<TimeSpan>? Time { get; set; }

    /// <summary>Begins a chapter; its clock starts at zero.</summary>
    public void Chapter(string title)
    {
        _start = Stopwatch.GetTimestamp();
        Console.WriteLine();
        Console.WriteLine(Paint("1", title));
    }

    /// <summary>Says something that has no time.</summary>
    public static void Say(string text) => Console.WriteLine(text);

    /// <summary>Notes what happens now.</summary>
    public void Note(string text) => Console.WriteLine($"{Paint("2", Clock())}  {text}");

    /// <summary>Notes what was measured, and whether it is what it should be.</summary>
    public void Check(bool isRight, string text)
    {
        Console.WriteLine($"{Paint("2", Clock())}  {(isRight ? Paint("32", "✓") : Paint("31", "✗"))} {text}");
        if (!isRight) Failures.Add(text);
    }

    private string Clock()
    {
        TimeSpan time = Time?.Invoke() ?? Stopwatch.GetElapsedTime(_start);
        return $"{time.TotalSeconds,8:0.000} s";
    }

    private string Paint(string colour, string text) => _hasColours ? $"\u001b[{colour}m{text}\u001b[0m" : text;
}
