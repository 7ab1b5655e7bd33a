using Node.Agent.Stun;
using Settings;

namespace Node.Agent.Commands;

/// <summary><c>relay-node stun HOST[:PORT]</c>: asks a STUN server what this machine's network does. Exit code 0 on an answer, 1 without one.</summary>
internal sealed class StunCommand
{
    private const int NobodyAnswered = 1;

    private readonly OptionKey _server;
    private readonly OptionKey _json;
    private readonly OptionKey _tcp;
    private readonly OptionKey _tls;
    private readonly OptionKey _insecure;
    private readonly OptionKey _ipv4;
    private readonly OptionKey _ipv6;

    private StunCommand(OptionSet options)
    {
        _server = options.AddArgument("server", "HOST[:PORT]", $"The STUN server; also stun:HOST or stuns:HOST. Port {StunTarget.DefaultPort}, over TLS {StunTarget.DefaultTlsPort}.");
        _json = options.AddFlag("json", "Prints JSON, for programs.");
        _tcp = options.AddFlag("tcp", "Asks over TCP: tells the mapped address alone.");
        _tls = options.AddFlag("tls", "Asks over TLS: tells the mapped address alone.");
        _insecure = options.AddFlag("insecure", "Over TLS, takes any certificate.");
        _ipv4 = options.AddFlag("ipv4", "Asks over IPv4 only.");
        _ipv6 = options.AddFlag("ipv6", "Asks over IPv6 only.");
    }

    /// <summary>Adds the command to the program.</summary>
    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("stun", "Asks a STUN server how the network here maps addresses, and what it lets in.", failure: "nobody answered, and the reasons are printed");
        StunCommand command = new(options);
        commands.Add(options, command.RunAsync);
    }

    private async Task<int> RunAsync(ParsedOptions values, CancellationToken stopping)
    {
        bool isJson = values.Flag(_json);
        string text = values.Required(_server);
        StunTarget target = StunTarget.TryParse(text, out StunTarget parsed)
            ? parsed
            : throw new OptionException(values.SourceOf(_server), $"'{text}' is no server", "give HOST or HOST:PORT, like stun.example.net:3478 or [2001:db8::1]:3478");
        StunTransport transport = ReadTransport(values, target);
        if (values.Flag(_ipv4) && values.Flag(_ipv6)) throw new OptionException("--ipv4", "--ipv6 is given too", "give one of them, or none for both families");

        StunQuestion question = new(target, transport, values.Flag(_insecure), line =>
        {
            if (!isJson) Console.Error.WriteLine(line);
        });
        IReadOnlyList<StunFinding> findings = await question.AskAsync(isIpv4 => isIpv4 ? !values.Flag(_ipv6) : !values.Flag(_ipv4), stopping);
        await Console.Out.WriteLineAsync(isJson ? StunJson.Write(text, findings) : StunText.Write(findings));
        return findings.Any(finding => finding.IsAnswered) ? 0 : NobodyAnswered;
    }

    private StunTransport ReadTransport(ParsedOptions values, StunTarget target)
    {
        bool isTls = values.Flag(_tls) || target.IsTls;
        if (values.Flag(_tcp) && isTls) throw new OptionException("--tcp", "TLS is asked for too", "give one of them, or none for UDP");
        if (values.Flag(_insecure) && !isTls) throw new OptionException(values.SourceOf(_insecure), "it means nothing without TLS", "give --tls too, or leave it out");
        return isTls ? StunTransport.Tls : values.Flag(_tcp) ? StunTransport.Tcp : StunTransport.Udp;
    }
}
