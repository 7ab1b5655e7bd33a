namespace Settings.Tests;

public sealed class OptionSetTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("settings").FullName;
    private readonly OptionSet _options = new("stun-server", "Answers binding requests.", "STUN");
    private readonly OptionKey _listen;
    private readonly OptionKey _certificate;
    private readonly OptionKey _printMap;

    public OptionSetTests()
    {
        _listen = _options.AddList("listen", "IP:PORT", "Where to listen.", "127.0.0.1:3478");
        _certificate = _options.AddText("tls-cert", "PEM", "The certificate.");
        _printMap = _options.AddFlag("print-map", "Prints the map.");
    }

    [Fact]
    public void The_command_line_wins_over_the_environment_and_that_over_the_file()
    {
        string file = Write("""{"listen": "3.3.3.3:3", "tlsCert": "file.pem", "printMap": true}""");

        ParsedOptions values = _options.Parse(["--config", file, "--listen", "1.1.1.1:1"], new Dictionary<string, string> { ["STUN_LISTEN"] = "2.2.2.2:2", ["STUN_TLS_CERT"] = "env.pem" });

        Assert.Equal(["1.1.1.1:1"], values.List(_listen));
        Assert.Equal("env.pem", values.Text(_certificate));
        Assert.True(values.Flag(_printMap));
        Assert.Equal("--listen", values.SourceOf(_listen));
        Assert.Equal("STUN_TLS_CERT", values.SourceOf(_certificate));
        Assert.Equal($"\"printMap\" in {file}", values.SourceOf(_printMap));
    }

    [Fact]
    public void A_list_is_given_by_repetition_by_comma_and_as_a_json_array()
    {
        string[] expected = ["1.1.1.1:1", "2.2.2.2:2", "[::1]:3"];

        Assert.Equal(expected, Parse("--listen", "1.1.1.1:1,2.2.2.2:2", "--listen=[::1]:3").List(_listen));
        Assert.Equal(expected, _options.Parse([], new Dictionary<string, string> { ["STUN_LISTEN"] = "1.1.1.1:1, 2.2.2.2:2,[::1]:3" }).List(_listen));
        Assert.Equal(expected, Parse("--config", Write("""{"listen": ["1.1.1.1:1", "2.2.2.2:2", "[::1]:3"]}""")).List(_listen));
        Assert.Equal(expected, Parse("--config", Write("""{"listen": "1.1.1.1:1,2.2.2.2:2,[::1]:3"}""")).List(_listen));
    }

    [Fact]
    public void What_is_not_given_has_its_default()
    {
        ParsedOptions values = Parse();

        Assert.Equal(["127.0.0.1:3478"], values.List(_listen));
        Assert.Null(values.Text(_certificate));
        Assert.False(values.Flag(_printMap));
        Assert.False(values.IsGiven(_listen));
        Assert.Equal("--listen", values.SourceOf(_listen));
    }

    [Theory]
    [InlineData("STUN_TLSCERT", "STUN_TLS_CERT")]
    [InlineData("STUN_LISTENS", "STUN_LISTEN")]
    [InlineData("stun_listen", "STUN_LISTEN")] // The environment's names are told apart by case.
    [InlineData("STUN_PRINT_MPA", "STUN_PRINT_MAP")]
    public void A_misspelt_variable_is_warned_of_with_the_name_that_was_meant(string name, string meant)
    {
        ParsedOptions values = _options.Parse([], new Dictionary<string, string> { [name] = "x", ["STUN_TLS_CERT"] = "env.pem" });

        Assert.Equal($"{name} in the environment: there is no such setting; did you mean {meant}?", Assert.Single(values.Warnings));
    }

    [Theory]
    [InlineData("STUN_PORT_3478_UDP")]
    [InlineData("STUN_SERVICE_HOST")]
    [InlineData("STUN_LISTEN")]
    [InlineData("STUN_")]
    [InlineData("OTHER_LISTENS")]
    public void Variables_of_others_and_our_own_are_no_slip(string name) =>
        Assert.Empty(_options.Parse([], new Dictionary<string, string> { [name] = "1.1.1.1:1" }).Warnings);

    [Fact]
    public void An_empty_environment_variable_counts_as_none() =>
        Assert.Null(_options.Parse([], new Dictionary<string, string> { ["STUN_TLS_CERT"] = "" }).Text(_certificate));

    [Theory]
    [InlineData("--print-map", true)]
    [InlineData("--print-map=true", true)]
    [InlineData("--print-map=off", false)]
    public void A_flag_may_have_a_value(string argument, bool expected) => Assert.Equal(expected, Parse(argument).Flag(_printMap));

    [Theory]
    [InlineData("--tls-crt x", "--tls-crt", "did you mean --tls-cert?")]
    [InlineData("--wholly-other", "--wholly-other", "stun-server --help")]
    [InlineData("-x", "-x", "no such option")]
    [InlineData("--tls-cert", "--tls-cert", "give --tls-cert PEM")]
    [InlineData("--tls-cert --print-map", "--tls-cert", "value is missing")]
    [InlineData("--tls-cert=", "--tls-cert", "value is missing")]
    [InlineData("--tls-cert a --tls-cert b", "--tls-cert", "given twice")]
    [InlineData("--listen ,", "--listen", "there is no value in ','")]
    [InlineData("--print-map=maybe", "--print-map", "neither true nor false")]
    [InlineData("surplus", "'surplus'", "nothing is expected here")]
    public void A_bad_command_line_is_one_sentence_that_says_which_what_and_what_would_be_right(string line, string name, string part)
    {
        OptionException exception = Assert.Throws<OptionException>(() => Parse(line.Split(' ')));

        Assert.StartsWith(name, exception.Message, StringComparison.Ordinal);
        Assert.Contains(part, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }

    [Theory]
    [InlineData("""{"tlsCrt": "x"}""", "\"tlsCrt\"", "did you mean \"tlsCert\"?")]
    [InlineData("""{"unheardOf": 1}""", "\"unheardOf\"", "listen, tlsCert, printMap")]
    [InlineData("""{"tls-cert": "x"}""", "\"tls-cert\"", "did you mean \"tlsCert\"?")]
    [InlineData("""{"config": "other.json"}""", "\"config\"", "no such setting")]
    [InlineData("""{"tlsCert": true}""", "\"tlsCert\"", "it is true; give a string or a number")]
    [InlineData("""{"tlsCert": null}""", "\"tlsCert\"", "it is null")]
    [InlineData("""{"tlsCert": ""}""", "\"tlsCert\"", "it is empty")]
    [InlineData("""{"printMap": "yes"}""", "\"printMap\"", "it is a string; give true or false")]
    [InlineData("""{"listen": {}}""", "\"listen\"", "an object")]
    [InlineData("""{"listen": [[]]}""", "\"listen\"", "an array")]
    [InlineData("""{"listen": []}""", "\"listen\"", "it is empty")]
    [InlineData("""{"listen": " , "}""", "\"listen\"", "there is no value in")]
    [InlineData("""["listen"]""", "--config", "holds an array")]
    [InlineData("", "--config", "it is empty")]
    [InlineData("{\r\n  \"listen\": x", "--config", "line 2, column 13: 'x' is an invalid start of a value; mend the file.")]
    [InlineData("{\"listen\": [\"1.1.1.1:1\"", "--config", "is not closed")]
    [InlineData("""{"listen": """, "--config", "is not JSON")]
    [InlineData("""{"tlsCert": "a", "tlsCert": "b"}""", "--config", "is not JSON")]
    public void A_bad_file_is_one_sentence_that_names_the_key(string json, string name, string part)
    {
        OptionException exception = Assert.Throws<OptionException>(() => Parse("--config", Write(json)));

        Assert.StartsWith(name, exception.Message, StringComparison.Ordinal);
        Assert.Contains(part, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        string missing = Path.Combine(_directory, "missing.json");

        Assert.Contains(missing, Assert.Throws<OptionException>(() => Parse("--config", missing)).Message, StringComparison.Ordinal);
        Assert.StartsWith("--config", Assert.Throws<OptionException>(() => Parse("--config", _directory)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_variable_without_a_value_between_its_commas_is_no_list() =>
        Assert.StartsWith("STUN_LISTEN: there is no value in ','", Assert.Throws<OptionException>(() => _options.Parse([], new Dictionary<string, string> { ["STUN_LISTEN"] = "," })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_may_begin_with_a_byte_order_mark_and_have_the_line_ends_of_windows() =>
        Assert.Equal("a.pem", Parse("--config", Write("\ufeff{\r\n  \"tlsCert\": \"a.pem\"\r\n}\r\n")).Text(_certificate));

    [Fact]
    public void A_number_may_be_written_without_quotes_and_must_be_in_range()
    {
        OptionKey port = _options.AddText("port", "N", "The port.");

        Assert.Equal(4000, Parse("--config", Write("""{"port": 4000}""")).Number(port, 0, 65535));
        Assert.Null(Parse().Number(port, 0, 65535));
        Assert.Contains("from 0 to 65535", Assert.Throws<OptionException>(() => Parse("--port", "70000").Number(port, 0, 65535)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_lists_every_option_with_its_other_names_and_default()
    {
        string help = Parse("--listen", "1.1.1.1:1", "--help").Answer!;

        Assert.Contains("--listen IP:PORT", help, StringComparison.Ordinal);
        Assert.Contains("[STUN_TLS_CERT, \"tlsCert\"]", help, StringComparison.Ordinal);
        Assert.Contains("Default: 127.0.0.1:3478.", help, StringComparison.Ordinal);
        Assert.EndsWith("Exit code 0: all went as asked. 1: it failed, and stderr says why. 2: a setting cannot be used, and stderr says which.", help, StringComparison.Ordinal);
    }

    [Fact]
    public void The_version_is_the_programs_name_and_a_number() => Assert.Matches(@"^stun-server \d", Parse("--version").Answer!);

    [Fact]
    public void An_argument_has_its_place_and_may_come_from_the_environment()
    {
        OptionKey file = _options.AddArgument("conf", "CONF", "The file.");

        Assert.Equal("wg0.conf", Parse("--print-map", "wg0.conf").Text(file));
        Assert.Equal("-odd", Parse("--", "-odd").Text(file));
        Assert.Equal("env.conf", _options.Parse([], new Dictionary<string, string> { ["STUN_CONF"] = "env.conf" }).Text(file));
        Assert.Contains("give CONF", Assert.Throws<OptionException>(() => Parse().Required(file)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private ParsedOptions Parse(params string[] arguments) => _options.Parse(arguments, new Dictionary<string, string>());

    private string Write(string json)
    {
        string file = Path.Combine(_directory, "settings.json");
        File.WriteAllText(file, json);
        return file;
    }
}
