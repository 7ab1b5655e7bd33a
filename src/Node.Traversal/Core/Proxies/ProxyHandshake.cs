using Node.Traversal.Messages.Http;

namespace Node.Traversal.Core.Proxies;

/// <summary>How far a proxy has got.</summary>
internal enum ProxyStep
{
    /// <summary>It has not answered yet.</summary>
    Waiting,

    /// <summary>The connection stands: what follows is the other end's.</summary>
    Open,

    /// <summary>It refuses.</summary>
    Refused,
}

/// <summary>What a proxy makes of a CONNECT, as bytes come in. Sans-IO.</summary>
/// <param name="hasCredentials">Says that it was shown some.</param>
internal sealed class ProxyHandshake(bool hasCredentials)
{
    private const int AuthenticationRequired = 407;
    private const int Unauthorized = 401; // An origin server's word, but tinyproxy says it of credentials that are wrong.

    /// <summary>How far it has got.</summary>
    public ProxyStep Step { get; private set; }

    /// <summary>Why it refuses: a sentence without a full stop, its subject left out. Never the credentials.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Says that it refuses for want of credentials, or because of those it was shown: no use in asking again soon.</summary>
    public bool IsForCredentials { get; private set; }

    /// <summary>Takes what has come so far and was not consumed.</summary>
    /// <returns>The bytes consumed.</returns>
    public int Receive(ReadOnlySpan<byte> input)
    {
        int consumed = 0;
        while (Step == ProxyStep.Waiting)
        {
            HttpHeadRead read = HttpResponseHead.TryRead(input[consumed..], out HttpResponseHead head);
            if (read == HttpHeadRead.Partial) break;
            if (read == HttpHeadRead.Malformed)
            {
                Refuse("does not answer in HTTP: is it an HTTP proxy?");
                break;
            }

            consumed += head.Length;
            if (head.StatusCode >= 200) Handle(head); // Below, it says that it is still at it.
        }

        return consumed;
    }

    private void Handle(HttpResponseHead head)
    {
        if (head.StatusCode < 300)
        {
            Step = ProxyStep.Open; // Whatever it says of a body: there is none (RFC 9110 §9.3.6).
            return;
        }

        IsForCredentials = head.StatusCode is AuthenticationRequired or Unauthorized;
        if (!IsForCredentials) Refuse($"refuses with {head.Status}");
        else if (hasCredentials) Refuse($"does not accept the user name and password it was given ({head.StatusCode})");
        else Refuse(OffersBasic(head) ? "wants a user name and password (407): give http://USER:PASSWORD@HOST:PORT" : "wants credentials of a kind that is not known here (407): only Basic is");
    }

    private static bool OffersBasic(HttpResponseHead head) =>
        !head.TryFind("Proxy-Authenticate"u8, out ReadOnlySpan<byte> value) || value.IndexOf("asic"u8) >= 0;

    private void Refuse(string problem)
    {
        Step = ProxyStep.Refused;
        Problem = problem;
    }
}
