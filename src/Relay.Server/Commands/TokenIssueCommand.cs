using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Admission;
using Relay.Server.Core;
using Settings;

namespace Relay.Server.Commands;

/// <summary>Makes a token, and the keys that sign tokens where there are none yet.</summary>
internal static class TokenIssueCommand
{
    private const int IdLength = 12; // 96 random bits: no two tokens share one.

    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("issue", "Prints a token for one node.");
        Arguments arguments = new(
            options.AddText("signing-key", "PEM", "The private key that signs."),
            options.AddFlag("create-key", "Make the signing key where the file is missing, and add its public half to --key-set."),
            options.AddText("key-set", "FILE", "With --create-key: the JSON Web Key Set that relays verify tokens with."),
            options.AddText("node-key", "KEY", "Whose token it is: the node's public key, in base64 or hexadecimal."),
            options.AddText("tenant", "NAME", "The tenant; nodes of different tenants cannot reach each other. By default none."),
            options.AddText("audience", "NAME", "Which relays take it: what they have as --token-audience.", AdmissionOptions.DefaultAudience),
            options.AddText("valid-for", "DURATION", "For how long: 30m, 12h, 90d.", "90d"),
            options.AddText("rate", "BYTES", "What the node may send, in bytes a second. By default what the relay lets everybody."),
            options.AddText("id", "TEXT", "The identifier by which it can be revoked. By default random."));
        commands.Add(options, (values, _) => RunAsync(values, arguments));
    }

    private static async Task<int> RunAsync(ParsedOptions values, Arguments arguments)
    {
        TokenContent? content = ReadContent(values, arguments);
        using TokenSigner signer = OpenSigner(values, arguments);
        if (content is null) return 0;
        await Console.Out.WriteLineAsync(signer.Sign(content));
        await Console.Error.WriteLineAsync($"token {content.Id} for {content.Key.ToText()}, until {content.Expires:u}");
        return 0;
    }

    /// <summary>What the token is to say; null where only the keys are wanted.</summary>
    private static TokenContent? ReadContent(ParsedOptions values, Arguments arguments)
    {
        if (!values.IsGiven(arguments.NodeKey) && values.Flag(arguments.CreateKey)) return null;
        string keyText = values.Required(arguments.NodeKey);
        if (!NodeKey.TryParse(keyText, out NodeKey key)) throw new OptionException(values.SourceOf(arguments.NodeKey), $"'{keyText}' is no public key", "give 44 characters of base64 or 64 hexadecimal digits");
        string tenant = values.Text(arguments.Tenant) ?? "";
        if (tenant.Length > 0 && !Tenant.IsValidName(tenant)) throw new OptionException(values.SourceOf(arguments.Tenant), $"'{tenant}' is no tenant's name", $"give up to {Tenant.MaxNameLength} letters, digits, '.', '_' or '-'");
        if (!TokenCommands.TryReadDuration(values.Text(arguments.ValidFor)!, out TimeSpan validFor)) throw new OptionException(values.SourceOf(arguments.ValidFor), $"'{values.Text(arguments.ValidFor)}' is no duration", "give a number and s, m, h or d, like 90d, a hundred years at most");
        string id = values.Text(arguments.Id) ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength));
        if (id.Length > RevocationList.MaxIdLength || id.Any(character => character is <= ' ' or > '~' or '#')) throw new OptionException(values.SourceOf(arguments.Id), $"'{id}' is no identifier", $"give up to {RevocationList.MaxIdLength} printable characters, without a space or '#'");
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return new TokenContent
        {
            Key = key,
            Tenant = tenant,
            Audience = values.Text(arguments.Audience)!,
            NotBefore = now,
            Expires = now + validFor,
            RateBytesPerSecond = values.Number(arguments.Rate, 1, int.MaxValue) ?? 0,
            Id = id,
        };
    }

    private static TokenSigner OpenSigner(ParsedOptions values, Arguments arguments)
    {
        string path = values.Required(arguments.SigningKey);
        try
        {
            if (values.Flag(arguments.CreateKey)) return CreateSigner(values, path, arguments);
            return File.Exists(path) ? TokenSigner.Read(path) : throw new OptionException(values.SourceOf(arguments.SigningKey), $"there is no file {path}", "give one that exists, or add --create-key");
        }
        catch (FormatException exception)
        {
            throw new OptionException(values.SourceOf(arguments.SigningKey), exception.Message, "give a PEM file with a P-256 private key");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(values.SourceOf(arguments.SigningKey), exception.Message.TrimEnd('.'), "give files in a directory that this program may write");
        }
    }

    /// <summary>Makes the key where there is none, and adds its public half to the set where it is not there: after either has been lost, too.</summary>
    private static TokenSigner CreateSigner(ParsedOptions values, string path, Arguments arguments)
    {
        string keySet = values.Required(arguments.KeySet);
        SigningKeys others = ReadKeySet(values, keySet, arguments); // A new key beside the old ones: that is how keys are rotated.
        bool isNew = !File.Exists(path);
        TokenSigner signer = isNew ? TokenSigner.Create() : TokenSigner.Read(path);
        if (isNew) signer.WriteNew(path);
        string draft = keySet + ".new";
        File.WriteAllText(draft, signer.ToKeySet(others));
        File.Move(draft, keySet, overwrite: true); // A relay that looks at this moment sees the old set or the new one.
        return signer;
    }

    private static SigningKeys ReadKeySet(ParsedOptions values, string keySet, Arguments arguments)
    {
        if (Directory.Exists(keySet)) throw new OptionException(values.SourceOf(arguments.KeySet), $"{keySet} is a directory", "give a file");
        try
        {
            return File.Exists(keySet) ? SigningKeys.Read(keySet) : SigningKeys.None;
        }
        catch (Exception exception) when (exception is FormatException or IOException)
        {
            throw new OptionException(values.SourceOf(arguments.KeySet), exception.Message.TrimEnd('.'), "give a key set, or a path where there is none yet");
        }
    }

    private sealed record Arguments(OptionKey SigningKey, OptionKey CreateKey, OptionKey KeySet, OptionKey NodeKey, OptionKey Tenant, OptionKey Audience, OptionKey ValidFor, OptionKey Rate, OptionKey Id);
}
