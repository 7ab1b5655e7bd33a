namespace Settings;

/// <summary>Reads a command line: <c>--name value</c>, <c>--name=value</c>, <c>--flag</c>, arguments, and <c>--</c> before the arguments that begin with a hyphen.</summary>
internal static class CommandLine
{
    /// <returns>False where help or the version was asked for: then the answer is all there is.</returns>
    public static bool Read(OptionSet options, IReadOnlyList<string> arguments, ParsedOptions values)
    {
        Queue<OptionKey> positions = new(options.Keys.Where(key => key.Kind == OptionKind.Argument));
        bool onlyArgumentsLeft = false;
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (onlyArgumentsLeft || !argument.StartsWith('-') || argument == "-")
            {
                if (!positions.TryDequeue(out OptionKey? position)) throw TooMany(options, argument);
                values.Set(position, position.Spelling, [argument]);
                continue;
            }

            if (argument == "--")
            {
                onlyArgumentsLeft = true;
                continue;
            }

            if (TryAnswer(options, argument, values)) return false;

            int equals = argument.IndexOf('=');
            string spelling = equals < 0 ? argument : argument[..equals];
            string? value = equals < 0 ? null : argument[(equals + 1)..];
            OptionKey key = options.Keys.FirstOrDefault(key => key.Kind != OptionKind.Argument && key.Spelling == spelling) ?? throw Unknown(options, spelling);
            if (key.Kind == OptionKind.Flag)
            {
                SetOnce(values, key, FlagText.Normalize(spelling, value ?? FlagText.On));
                continue;
            }

            value ??= i + 1 < arguments.Count && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal) ? arguments[++i] : null;
            if (value is null or "") throw new OptionException(spelling, "the value is missing", $"give {spelling} {key.Placeholder}");
            if (key.Kind == OptionKind.List) values.Append(key, spelling, ListText.Split(spelling, value));
            else SetOnce(values, key, value);
        }

        return true;
    }

    private static bool TryAnswer(OptionSet options, string argument, ParsedOptions values)
    {
        values.Answer = argument switch
        {
            "--help" or "-h" or "-?" => HelpText.Write(options),
            "--version" => HelpText.Version(options.Program),
            _ => null,
        };
        return values.Answer is not null;
    }

    private static void SetOnce(ParsedOptions values, OptionKey key, string value)
    {
        if (values.IsGiven(key)) throw new OptionException(key.Spelling, "it is given twice", "give it once");
        values.Set(key, key.Spelling, [value]);
    }

    private static OptionException Unknown(OptionSet options, string spelling)
    {
        IEnumerable<string> known = options.Keys.Where(key => key.Kind != OptionKind.Argument).Select(key => key.Spelling);
        string hint = NearestName.Of(spelling, known) is { } name ? $"did you mean {name}? {options.Program} --help lists all" : $"{options.Program} --help lists those there are";
        return new OptionException(spelling, "there is no such option", hint);
    }

    private static OptionException TooMany(OptionSet options, string argument) =>
        new($"'{argument}'", "nothing is expected here", $"{options.Program} --help shows what is");
}
