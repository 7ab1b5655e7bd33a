using Node.Traversal.Core.Proxies;
using Node.Traversal.Messages.Http;

namespace Fuzz;

/// <summary>The head of an HTTP response, and what a proxy makes of a CONNECT: read whole or not at all, and the same however it is cut.</summary>
internal static class HttpResponseHeadTarget
{
    private const int PieceLength = 5;

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        HttpHeadRead read = HttpResponseHead.TryRead(input, out HttpResponseHead head);
        FuzzException.Unless(read != HttpHeadRead.Partial || input.Length < HttpResponseHead.MaxLength, "More is wanted than there may be.");
        if (read == HttpHeadRead.Whole)
        {
            FuzzException.Unless(head.Length > 0 && head.Length <= input.Length && head.Length <= HttpResponseHead.MaxLength, "A head that is not there.");
            FuzzException.Unless(head.StatusCode is >= 100 and < 600 && head.Status.All(character => character is >= ' ' and <= '~'), "A status that is none.");
            FuzzException.Unless(head.ContentLength is null or >= 0, "A body of less than nothing.");
            FuzzException.Unless(HttpResponseHead.TryRead(input[..(head.Length - 1)], out _) != HttpHeadRead.Whole, "A head that is read before its end has come.");
        }

        ProxyHandshake whole = new(hasCredentials: false);
        int consumed = whole.Receive(input);
        FuzzException.Unless(consumed >= 0 && consumed <= input.Length, "More consumed than there is.");
        ProxyHandshake cut = new(hasCredentials: false);
        int at = 0;
        for (int end = Math.Min(PieceLength, input.Length); cut.Step == ProxyStep.Waiting; end += PieceLength)
        {
            at += cut.Receive(input[at..Math.Min(end, input.Length)]);
            if (end >= input.Length) break;
        }

        FuzzException.Unless((whole.Step, whole.Problem, consumed) == (cut.Step, cut.Problem, at), "Cut into pieces it says something else.");
    }
}
