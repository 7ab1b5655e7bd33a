namespace Settings;

/// <summary>One option of a program: the handle by which its value is asked for.</summary>
public sealed class OptionKey
{
    internal OptionKey(string name, OptionKind kind, string placeholder, string help, string? defaultText)
    {
        Name = name;
        Kind = kind;
        Placeholder = placeholder;
        Help = help;
        DefaultText = defaultText;
    }

    /// <summary>The name, in lower-case words joined by hyphens: <c>tls-cert</c>.</summary>
    public string Name { get; }

    internal OptionKind Kind { get; }
    internal string Placeholder { get; }
    internal string Help { get; }
    internal string? DefaultText { get; }

    /// <summary>What to type on the command line: <c>--tls-cert</c>, or the placeholder of an argument.</summary>
    internal string Spelling => Kind == OptionKind.Argument ? Placeholder : "--" + Name;

    /// <summary>The key in the settings file: <c>tlsCert</c>.</summary>
    internal string JsonKey
    {
        get
        {
            string[] words = Name.Split('-');
            return words[0] + string.Concat(words[1..].Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
        }
    }

    /// <summary>The environment variable: <c>RELAY_TLS_CERT</c> for the prefix <c>RELAY</c>.</summary>
    internal string EnvironmentName(string prefix) => $"{prefix}_{Name.Replace('-', '_').ToUpperInvariant()}";
}

/// <summary>What an option takes.</summary>
internal enum OptionKind
{
    /// <summary>One value.</summary>
    Text,

    /// <summary>Any number of values: by repetition, by comma, or as a JSON array.</summary>
    List,

    /// <summary>Nothing; it is there or not.</summary>
    Flag,

    /// <summary>One value without a name, by its position on the command line.</summary>
    Argument,
}
