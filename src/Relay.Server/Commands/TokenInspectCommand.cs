using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Relay.Protocol.Extensions;
using Relay.Server.Admission;
using Relay.Server.Core;
using Settings;
using Timing;

namespace Relay.Server.Commands;

/// <summary>Prints what a token says, and whether a relay with these keys would take it.</summary>
internal static class TokenInspectCommand
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static void AddTo(CommandSet commands)
    {
        OptionSet options = commands.Begin("inspect", "Prints what a token says, and whether it counts.", failure: "the token does not count, or was not verified");
        OptionKey file = options.AddArgument("token-file", "TOKEN-FILE", "The file with the token; '-' = standard input. (On a command line all users of a machine could read it.)");
        OptionKey keySet = options.AddText("key-set", "FILE", "The JSON Web Key Set to verify it with. Without it the signature is not looked at.");
        OptionKey audience = options.AddText("audience", "NAME", "What relays have as --token-audience.", AdmissionOptions.DefaultAudience);
        OptionKey revoked = options.AddText("revoked", "FILE", "What relays have as --token-revoked.");
        commands.Add(options, (values, _) => RunAsync(values, values.Required(file), values.Text(keySet), values.Text(audience)!, values.Text(revoked)));
    }

    private static async Task<int> RunAsync(ParsedOptions values, string file, string? keySet, string audience, string? revoked)
    {
        string token = await ReadTokenAsync(values, file);
        JsonWebToken? parsed = Parse(token);
        if (parsed is null)
        {
            await Console.Out.WriteLineAsync("not a token");
            return 1;
        }

        await Console.Out.WriteLineAsync(Pretty(parsed.EncodedHeader));
        await Console.Out.WriteLineAsync(Pretty(parsed.EncodedPayload));
        if (parsed.ValidTo != DateTime.MinValue) await Console.Out.WriteLineAsync($"expires {parsed.ValidTo:u}");
        if (keySet is null)
        {
            await Console.Out.WriteLineAsync("not verified: no --key-set was given");
            return 1;
        }

        string? problem = ProblemOf(token, keySet, audience, revoked);
        await Console.Out.WriteLineAsync(problem ?? "valid");
        return problem is null ? 0 : 1;
    }

    private static async Task<string> ReadTokenAsync(ParsedOptions values, string file)
    {
        if (file == "-") return (await Console.In.ReadToEndAsync()).Trim();
        try
        {
            return NamedFile.ReadText(file, 2 * TokenFrame.MaxTokenLength).Trim();
        }
        catch (IOException exception)
        {
            throw new OptionException(file, exception.Message, "give a file with a token that may be read");
        }
    }

    private static JsonWebToken? Parse(string token)
    {
        try
        {
            return token.Length <= TokenFrame.MaxTokenLength ? new JsonWebToken(token) : null;
        }
        catch (Exception exception) when (exception is ArgumentException or SecurityTokenException)
        {
            return null;
        }
    }

    private static string? ProblemOf(string token, string keySet, string audience, string? revoked)
    {
        try
        {
            TokenGrant grant = new TokenVerifier(SigningKeys.Read(keySet), audience, MonotonicClock.System).Check(token);
            if (!grant.IsValid) return grant.Message;
            return revoked is not null && RevocationList.Read(revoked).Contains(grant.Id) ? "The token was revoked." : null;
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new OptionException("token inspect", exception.Message.TrimEnd('.'), "give files that may be read and used, as the relay has them");
        }
    }

    private static string Pretty(string part)
    {
        using JsonDocument document = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(part));
        return JsonSerializer.Serialize(document.RootElement, Indented);
    }
}
