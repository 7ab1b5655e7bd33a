using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Addresses;
using Relay.Server.Core;
using Relay.Server.Region;
using Settings;

namespace Relay.Server.Hosting;

/// <summary>The options that <see cref="FrontOptions"/> are read from.</summary>
internal sealed class FrontOptionKeys(OptionSet options)
{
    private const int MaxSecretFileLength = 4 << 10;

    private readonly OptionKey _path = options.AddText("path", "/PATH", "The path of the upgrade to DERP.", "/derp");
    private readonly OptionKey _trustedProxy = options.AddList("trusted-proxy", "IP[/LENGTH]", "Whose PROXY headers and X-Forwarded-For are believed. By default nobody's.");
    private readonly OptionKey _http = options.AddList("http", "IP:PORT", "Where to answer captive-portal checks over plain HTTP, usually port 80; everything else there is sent to https.");
    private readonly OptionKey _bootstrapDns = options.AddList("bootstrap-dns-name", "NAME", "A name whose addresses /bootstrap-dns tells, for clients without DNS.");
    private readonly OptionKey _meshKeyFile = options.AddText("mesh-key-file", "FILE", "The secret that the relays of a region share: 64 hexadecimal digits, as derper has it.");
    private readonly OptionKey _meshWith = options.AddList("mesh-with", "HOST[:PORT][/DIALHOST]", "Another relay of the region, to be dialled; all of them, on each. It may name this relay itself.");
    private readonly OptionKey _meshTenant = options.AddText("mesh-tenant", "NAME", "The tenant whose clients the region's links serve. By default those without one.");
    private readonly OptionKey _meshCa = options.AddText("mesh-ca", "PEM", "The authorities that vouch for the relays of --mesh-with, instead of the system's.");
    private readonly OptionKey _meshPin = options.AddList("mesh-pin", "sha256-raw:HEX", "The SHA-256 of a certificate that a relay of --mesh-with may have, whoever vouches for it.");

    /// <exception cref="OptionException">A value makes no sense.</exception>
    public FrontOptions Read(ParsedOptions values)
    {
        MeshTarget[] targets = [.. values.List(_meshWith).Select(text => ReadTarget(values, text))];
        MeshSecret? secret = ReadSecret(values);
        if (targets.Length > 0 && secret is null) throw new OptionException(values.SourceOf(_meshWith), "relays of a region need a secret that they share", "give --mesh-key-file");
        if (targets.Length > MeshRegion.MaxTargets) throw new OptionException(values.SourceOf(_meshWith), $"{targets.Length} relays are named", $"a region has {MeshRegion.MaxTargets} at most");

        return new FrontOptions
        {
            UpgradePath = ReadPath(values),
            TrustedProxies = new TrustedProxies([.. values.List(_trustedProxy).Select(text => ReadPrefix(values, text))]),
            Http = [.. values.List(_http).Select(text => ReadAddress(values, text))],
            BootstrapDnsNames = ReadNames(values),
            MeshSecret = secret,
            MeshKeyPath = values.Text(_meshKeyFile),
            MeshTenant = ReadTenant(values, secret),
            MeshTargets = targets,
            MeshTrust = new MeshTrust([.. values.List(_meshPin).Select(text => ReadPin(values, text))], ReadAuthorities(values)),
        };
    }

    /// <summary>The option that says where captive-portal checks are answered: for what the machine refuses.</summary>
    public string SourceOfHttp(ParsedOptions values) => values.SourceOf(_http);

    /// <summary>Reads the file with the region's secret.</summary>
    /// <exception cref="FormatException">It holds something else.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static MeshSecret ReadSecretFile(string path)
    {
        return MeshSecret.TryParse(NamedFile.ReadText(path, MaxSecretFileLength), out MeshSecret? secret) ? secret! : throw new FormatException("it has not 64 hexadecimal digits, or only zeroes");
    }

    private string ReadPath(ParsedOptions values)
    {
        string path = values.Text(_path)!;
        bool isPath = path.Length > 1 && path[0] == '/' && path.All(character => char.IsAsciiLetterOrDigit(character) || character is '/' or '-' or '_' or '.' or '~');
        if (WebPages.Own.Contains(path)) throw new OptionException(values.SourceOf(_path), $"'{path}' is a page of the relay's", "give another one, like /derp");
        return isPath ? path : throw new OptionException(values.SourceOf(_path), $"'{path}' is no path", "give one like /derp: a slash, then letters, digits and / - _ . ~");
    }

    private IpPrefix ReadPrefix(ParsedOptions values, string text) => IpPrefix.TryParse(text, out IpPrefix prefix)
        ? prefix
        : throw new OptionException(values.SourceOf(_trustedProxy), $"'{text}' is no address or range of addresses", "give one like 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32");

    private TransportAddress ReadAddress(ParsedOptions values, string text) => TransportAddress.TryParse(text, out TransportAddress address)
        ? address
        : throw new OptionException(values.SourceOf(_http), $"'{text}' is not an address with a port", "give IP:PORT, like 0.0.0.0:80 or [::]:80");

    private string[] ReadNames(ParsedOptions values)
    {
        string[] names = [.. values.List(_bootstrapDns).Distinct(StringComparer.OrdinalIgnoreCase)];
        if (names.Length > BootstrapDns.MaxNames) throw new OptionException(values.SourceOf(_bootstrapDns), $"{names.Length} names are listed", $"list {BootstrapDns.MaxNames} at most");
        foreach (string name in names)
        {
            if (Uri.CheckHostName(name) != UriHostNameType.Dns) throw new OptionException(values.SourceOf(_bootstrapDns), $"'{name}' is no name", "give one like login.example.com");
        }

        return names;
    }

    private MeshSecret? ReadSecret(ParsedOptions values)
    {
        if (values.Text(_meshKeyFile) is not { } path) return null;
        try
        {
            return ReadSecretFile(path);
        }
        catch (Exception exception) when (exception is FormatException or IOException)
        {
            throw new OptionException(values.SourceOf(_meshKeyFile), $"{path} is no mesh key: {exception.Message}", "give a file with 64 hexadecimal digits that this program may read");
        }
    }

    private string ReadTenant(ParsedOptions values, MeshSecret? secret)
    {
        if (values.Text(_meshTenant) is not { } name) return "";
        if (secret is null) throw new OptionException(values.SourceOf(_meshTenant), "there are no links without a secret that the region shares", "give --mesh-key-file");
        return Tenant.IsValidName(name) ? name : throw new OptionException(values.SourceOf(_meshTenant), $"'{name}' is no tenant", $"give letters, digits, '.', '_' and '-', {Tenant.MaxNameLength} at most");
    }

    private MeshTarget ReadTarget(ParsedOptions values, string text) => MeshTarget.TryParse(text, out MeshTarget? target)
        ? target!
        : throw new OptionException(values.SourceOf(_meshWith), $"'{text}' names no relay", "give one like relay2.example.com, relay2.example.com:8443 or relay2.example.com/10.0.0.2");

    private string ReadPin(ParsedOptions values, string text) => MeshTrust.TryParsePin(text, out string pin)
        ? pin
        : throw new OptionException(values.SourceOf(_meshPin), $"'{text}' is no pin", "give sha256-raw: and 64 hexadecimal digits, as the other relay's map has it");

    private X509Certificate2Collection ReadAuthorities(ParsedOptions values)
    {
        X509Certificate2Collection authorities = [];
        if (values.Text(_meshCa) is not { } path) return authorities;
        try
        {
            authorities.ImportFromPemFile(path);
            if (authorities.Count > 0) return authorities;
            throw new OptionException(values.SourceOf(_meshCa), $"{path} has no certificates", "give a PEM file with certificates");
        }
        catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new OptionException(values.SourceOf(_meshCa), $"{path} cannot be read: {NamedFile.ProblemOf(path, exception)}", "give a PEM file that this program may read");
        }
    }
}
