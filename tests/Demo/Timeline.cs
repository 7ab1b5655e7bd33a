using System.Globalization;

namespace Demo;

/// <summary>How a line is meant.</summary>
internal enum Tone
{
    Plain,
    Good,
    Bad,
    Quiet,
    Relayed,
    Direct,
}

/// <summary>Prints the story as it happens: titles, sketches, events with their time, and what came of it.</summary>
internal sealed class Timeline(TextWriter output, bool useColours)
{
    private const string Reset = "\e[0m";
    private readonly List<(string Name, bool Passed, string Result)> _results = [];

    /// <summary>True if every scene so far came out as it should.</summary>
    public bool IsGood => _results.TrueForAll(result => result.Passed);

    public void Headline(string text)
    {
        output.WriteLine();
        output.WriteLine(Paint("\e[1m", text));
    }

    public void Title(int number, string text)
    {
        output.WriteLine();
        output.WriteLine(Paint("\e[1m", $"{number}. {text}"));
    }

    public void Say(string text, Tone tone = Tone.Plain)
    {
        foreach (string line in text.Split('\n')) output.WriteLine(Paint(CodeOf(tone), $"   {line}"));
    }

    /// <summary>An event, so long after the scene's beginning.</summary>
    public void Event(TimeSpan at, string text, Tone tone = Tone.Plain)
    {
        string time = at.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
        output.WriteLine($"   {Paint(CodeOf(Tone.Quiet), $"{time,7} s")}  {Paint(CodeOf(tone), text)}");
    }

    /// <summary>Ends a scene.</summary>
    /// <param name="name">The scene in two or three words.</param>
    /// <param name="passed">Whether it came out as it should.</param>
    /// <param name="result">What came of it.</param>
    public void Conclude(string name, bool passed, string result)
    {
        _results.Add((name, passed, result.Split('\n')[0]));
        Say($"{(passed ? "✓" : "✗")} {result}", passed ? Tone.Good : Tone.Bad);
    }

    /// <summary>Numbers beside each other, the largest filling the line.</summary>
    public void Bars(IReadOnlyList<(string Name, double Value)> bars, string unit)
    {
        const int Width = 40;
        double largest = bars.Max(bar => bar.Value);
        int nameWidth = bars.Max(bar => bar.Name.Length);
        foreach ((string name, double value) in bars)
        {
            string bar = new('█', Math.Max(1, (int)Math.Round(value / largest * Width)));
            output.WriteLine($"   {name.PadRight(nameWidth)}  {value.ToString("0", CultureInfo.InvariantCulture),5} {unit}  {Paint(CodeOf(Tone.Direct), bar)}");
        }
    }

    /// <summary>All scenes once more, a line each.</summary>
    public void Summary(TimeSpan took)
    {
        Headline($"In {took.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s:");
        int width = _results.Max(result => result.Name.Length);
        foreach ((string name, bool passed, string result) in _results)
            output.WriteLine($"   {Paint(CodeOf(passed ? Tone.Good : Tone.Bad), passed ? "✓" : "✗")} {name.PadRight(width)}  {result}");
    }

    private string Paint(string code, string text) => useColours && code.Length > 0 ? $"{code}{text}{Reset}" : text;

    private static string CodeOf(Tone tone) => tone switch
    {
        Tone.Good => "\e[32m",
        Tone.Bad => "\e[31m",
        Tone.Quiet => "\e[90m",
        Tone.Relayed => "\e[33m",
        Tone.Direct => "\e[36m",
        _ => "",
    };
}
