namespace Relay.Server.Admission;

/// <summary>Who may use the relay, as the operator has said.</summary>
internal sealed record AdmissionOptions
{
    /// <summary>The audience of a token where none is named.</summary>
    public const string DefaultAudience = "relay";

    /// <summary>Says that anybody may.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Files that list keys.</summary>
    public IReadOnlyList<string> ListFiles { get; init; } = [];

    /// <summary>Services to ask; all have to agree.</summary>
    public IReadOnlyList<Uri> Callbacks { get; init; } = [];

    /// <summary>Says that clients are let in while a service cannot be reached.</summary>
    public bool CallbacksFailOpen { get; init; }

    /// <summary>Files with the keys that may sign tokens.</summary>
    public IReadOnlyList<string> KeySetFiles { get; init; } = [];

    /// <summary>Web addresses of such keys.</summary>
    public IReadOnlyList<Uri> KeySetUrls { get; init; } = [];

    /// <summary>Who a token must be for.</summary>
    public string TokenAudience { get; init; } = DefaultAudience;

    /// <summary>A file with the identifiers of revoked tokens; null where there is none.</summary>
    public string? RevocationFile { get; init; }

    /// <summary>Says that tokens let clients in.</summary>
    public bool TakesTokens => KeySetFiles.Count + KeySetUrls.Count > 0;

    /// <summary>Says that the operator has said who may use the relay.</summary>
    public bool IsSaid => IsOpen || TakesTokens || ListFiles.Count + Callbacks.Count > 0;
}
