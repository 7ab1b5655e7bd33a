namespace Stun.Server.Core;

/// <summary>What a request asks for, for the metrics. Of several the first that fits counts, from the end of the list up.</summary>
internal enum StunRequestKind
{
    /// <summary>"Where do you see me?" (RFC 8489).</summary>
    Binding,

    /// <summary>The same in classic STUN (RFC 3489).</summary>
    Classic,

    /// <summary>An answer as long as the request (RFC 5780 §7.6).</summary>
    Padding,

    /// <summary>An answer to another port (RFC 5780 §7.5).</summary>
    ResponsePort,

    /// <summary>An answer from another address or port (RFC 5780 §7.2).</summary>
    ChangeRequest,
}

/// <summary>What an answer says.</summary>
internal enum StunAnswerKind
{
    /// <summary>The address that the request came from.</summary>
    Success,

    /// <summary>Error 420: an attribute that must be understood and is not.</summary>
    UnknownAttribute,

    /// <summary>Error 400: an attribute that makes no sense, or two that contradict each other.</summary>
    BadRequest,
}
