using System.Text.Json;

namespace Settings;

/// <summary>Reads settings from a JSON object. Strict: an unknown key, a key given twice or a value of the wrong type is an error that names it.</summary>
internal static class SettingsFile
{
    private const int MaxLengthBytes = 1 << 20; // No list of settings comes near; a wrong path to a disk image does.

    private static readonly JsonDocumentOptions Syntax = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <exception cref="OptionException">The file cannot be read, is no JSON object, or says what is not understood.</exception>
    public static void Read(OptionSet options, string file, ParsedOptions values)
    {
        string configSource = values.SourceOf(options.Config);
        using JsonDocument document = Parse(file, configSource);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new OptionException(configSource, $"{file} holds {Name(document.RootElement)}", "give a JSON object such as { \"key\": \"value\" }");
        }

        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            string source = $"\"{property.Name}\" in {file}";
            OptionKey? key = options.Keys.FirstOrDefault(key => key != options.Config && key.JsonKey == property.Name);
            if (key is null && options.ForeignJsonKeys.Contains(property.Name)) continue;
            if (key is null) throw Unknown(options, property.Name, source);

            string[] read = ReadValue(key, property.Value, source);
            if (!values.IsGiven(key)) values.Set(key, source, read);
        }
    }

    private static JsonDocument Parse(string file, string source)
    {
        string text = Text(file, source);
        try
        {
            return JsonDocument.Parse(text, Syntax);
        }
        catch (JsonException exception)
        {
            throw new OptionException(source, $"{file} is not JSON: {JsonProblem.Of(text, exception)}", "mend the file");
        }
    }

    private static string Text(string file, string source)
    {
        try
        {
            return NamedFile.ReadText(file, MaxLengthBytes);
        }
        catch (IOException exception)
        {
            throw new OptionException(source, $"{file} cannot be read: {exception.Message}", "give a file of settings that may be read");
        }
    }

    private static string[] ReadValue(OptionKey key, JsonElement value, string source) => (key.Kind, value.ValueKind) switch
    {
        (OptionKind.Flag, JsonValueKind.True) => [FlagText.On],
        (OptionKind.Flag, JsonValueKind.False) => [FlagText.Off],
        (OptionKind.Flag, _) => throw WrongType(source, value, "true or false"),
        (OptionKind.List, JsonValueKind.Array) when value.GetArrayLength() == 0 => throw Empty(source, "an array of strings"),
        (OptionKind.List, JsonValueKind.Array) => [.. value.EnumerateArray().Select(item => ReadScalar(item, source, "an array of strings"))],
        (OptionKind.List, _) => ListText.Split(source, ReadScalar(value, source, "a string or an array of strings")),
        _ => [ReadScalar(value, source, "a string or a number")],
    };

    /// <summary>A string, or a number as it is written: <c>"port": 3478</c> reads as naturally as <c>"port": "3478"</c>.</summary>
    private static string ReadScalar(JsonElement value, string source, string expected) => value.ValueKind switch
    {
        JsonValueKind.String when value.GetString() is { Length: > 0 } text => text,
        JsonValueKind.String => throw Empty(source, expected),
        JsonValueKind.Number => value.GetRawText(),
        _ => throw WrongType(source, value, expected),
    };

    private static OptionException Empty(string source, string expected) => new(source, "it is empty", $"give {expected}, or leave the key out");

    private static OptionException WrongType(string source, JsonElement value, string expected) => new(source, $"it is {Name(value)}", $"give {expected}");

    private static OptionException Unknown(OptionSet options, string name, string source)
    {
        string[] known = [.. options.Keys.Where(key => key != options.Config).Select(key => key.JsonKey)];
        string hint = NearestName.Of(name, known) is { } nearest ? $"did you mean \"{nearest}\"? Known" : "known";
        return new OptionException(source, "there is no such setting", $"{hint}: {string.Join(", ", known)}");
    }

    private static string Name(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        _ => value.GetRawText(),
    };
}
