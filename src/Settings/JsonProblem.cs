using System.Text.Json;

namespace Settings;

/// <summary>Says what is wrong with a text that is not JSON as an editor counts: lines and columns from 1.</summary>
public static class JsonProblem
{
    /// <summary>A phrase without a full stop: "line 3, column 5: 'x' is an invalid start of a value".</summary>
    /// <param name="text">The text.</param>
    /// <param name="exception">What the base library said of it.</param>
    public static string Of(string text, JsonException exception)
    {
        if (string.IsNullOrWhiteSpace(text)) return "it is empty";
        string problem = exception.Message.Split(" LineNumber:")[0].Split(". ")[0].TrimEnd('.');
        if (problem.StartsWith("Expected depth to be zero", StringComparison.Ordinal)) problem = "an object or array is not closed";
        return exception is { LineNumber: { } line, BytePositionInLine: { } column } ? $"line {line + 1}, column {column + 1}: {problem}" : problem;
    }
}
