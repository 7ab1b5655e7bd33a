using Relay.Server.Core;
using Settings;

namespace Relay.Server.Admission;

/// <summary>The command-line options that say who may use the relay.</summary>
internal sealed class AdmissionArguments(OptionSet options)
{
    private const string Remedy = "give 'open', file:PATH, url:URL or token:JWKS";

    private readonly OptionKey _admission = options.AddList("admission", "POLICY", "Who may use the relay: 'open' (anybody), file:PATH (keys, one a line), token:JWKS (holders of tokens; a file or an https URL), url:URL (a service that is asked). Must be said where a listener is not loopback.");
    private readonly OptionKey _callbackFail = options.AddText("admission-url-fail", "open|closed", "What becomes of a login while the service of url:URL cannot be reached.", "closed");
    private readonly OptionKey _audience = options.AddText("token-audience", "NAME", "Whom tokens must be for.", AdmissionOptions.DefaultAudience);
    private readonly OptionKey _revoked = options.AddText("token-revoked", "FILE", "The identifiers of revoked tokens, one a line.");

    /// <summary>Reads them. The files are looked at too, so that a bad one is found at once.</summary>
    /// <exception cref="OptionException">One cannot be used.</exception>
    public AdmissionOptions Read(ParsedOptions values)
    {
        AdmissionOptions read = new() { CallbacksFailOpen = ReadFailOpen(values), TokenAudience = values.Text(_audience)!, RevocationFile = values.Text(_revoked) };
        foreach (string policy in values.List(_admission)) read = Add(read, policy, values.SourceOf(_admission));
        if (read.IsOpen && values.List(_admission).Count > 1) throw new OptionException(values.SourceOf(_admission), "'open' lets anybody in, so that no other policy counts", "give 'open' alone, or leave it out");
        if (values.IsGiven(_callbackFail) && read.Callbacks.Count == 0) throw new OptionException(values.SourceOf(_callbackFail), "there is no url: policy", "add --admission url:URL, or leave it out");
        foreach (OptionKey key in (OptionKey[])[_audience, _revoked])
        {
            if (values.IsGiven(key) && !read.TakesTokens) throw new OptionException(values.SourceOf(key), "there is no token: policy", "add --admission token:JWKS, or leave it out");
        }

        TryFiles(values, read);
        return read;
    }

    private static AdmissionOptions Add(AdmissionOptions read, string policy, string source)
    {
        int colon = policy.IndexOf(':');
        string kind = colon < 0 ? policy : policy[..colon];
        string value = colon < 0 ? "" : policy[(colon + 1)..];
        if (kind == "open" && colon < 0) return read with { IsOpen = true };
        if (kind is not ("file" or "url" or "token")) throw new OptionException(source, $"'{policy}' is no admission policy", Remedy);
        if (value.Length == 0) throw new OptionException(source, $"'{policy}' names nothing", Remedy);
        return kind switch
        {
            "file" => read with { ListFiles = [.. read.ListFiles, value] },
            "url" => read with { Callbacks = [.. read.Callbacks, Web(value, source, mayBePlain: true)] },
            _ when value.Contains("://", StringComparison.Ordinal) => read with { KeySetUrls = [.. read.KeySetUrls, Web(value, source, mayBePlain: false)] },
            _ => read with { KeySetFiles = [.. read.KeySetFiles, value] },
        };
    }

    /// <param name="text">The address.</param>
    /// <param name="source">The option, for messages.</param>
    /// <param name="mayBePlain">A service may be asked in clear, as the field does within a machine or a network of its own; keys that vouch for others may not come so, except from this machine.</param>
    private static Uri Web(string text, string source, bool mayBePlain)
    {
        bool isWeb = Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.UserInfo.Length == 0 && url.Scheme is "https" or "http";
        if (!isWeb) throw new OptionException(source, $"'{text}' is no web address", "give https://HOST/PATH, without a user in it");
        if (url!.Scheme == "http" && !mayBePlain && !url.IsLoopback) throw new OptionException(source, $"'{text}' is not https, and whoever changed it underway could let anybody in", "give an https address");
        return url;
    }

    private bool ReadFailOpen(ParsedOptions values) => values.Text(_callbackFail) switch
    {
        "open" => true,
        "closed" => false,
        string other => throw new OptionException(values.SourceOf(_callbackFail), $"'{other}' is neither open nor closed", "give 'open' to let clients in while the service cannot be reached, or 'closed' not to"),
        null => false,
    };

    private void TryFiles(ParsedOptions values, AdmissionOptions read)
    {
        string source = values.SourceOf(_admission);
        try
        {
            AllowList.Read(read.ListFiles);
            foreach (string file in read.KeySetFiles) SigningKeys.Read(file);
            source = values.SourceOf(_revoked);
            if (read.RevocationFile is { } revoked) RevocationList.Read(revoked);
        }
        catch (FormatException exception)
        {
            throw new OptionException(source, exception.Message, "mend the file");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(source, exception.Message.TrimEnd('.'), "give a file that exists and may be read");
        }
    }
}
