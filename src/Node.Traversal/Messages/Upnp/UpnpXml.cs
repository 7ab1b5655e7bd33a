using System.Xml;

namespace Node.Traversal.Messages.Upnp;

/// <summary>Opens a router's XML so that it can neither name entities, nor reach out, nor grow.</summary>
internal static class UpnpXml
{
    /// <summary>Bytes of a description or an answer: more is not read.</summary>
    public const int MaxLength = 64 * 1024;

    /// <summary>Characters of a value: what is longer is left out.</summary>
    public const int MaxValueLength = 512;

    /// <summary>Elements within elements: what lies deeper is none of ours.</summary>
    public const int MaxDepth = 32;

    private static readonly XmlReaderSettings Settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit, // No entities but the five of XML itself.
        XmlResolver = null,
        MaxCharactersInDocument = MaxLength,
        MaxCharactersFromEntities = MaxValueLength,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        IgnoreWhitespace = true,
    };

    /// <summary>Takes every element that has text and no elements in it, with its depth; an element that others are in comes without text as it ends.</summary>
    /// <param name="body">The document.</param>
    /// <param name="take">Takes name without prefix, text (null at the end of one with others in it), and depth; false = enough.</param>
    /// <returns>False where the document is damaged, too deep or too long; what came before the damage has been taken.</returns>
    public static bool Read(byte[] body, Func<string, string?, int, bool> take)
    {
        if (body.Length > MaxLength) return false;
        using MemoryStream stream = new(body, writable: false);
        try
        {
            using XmlReader reader = XmlReader.Create(stream, Settings);
            return Read(reader, take);
        }
        catch (XmlException)
        {
            return false;
        }
    }

    private static bool Read(XmlReader reader, Func<string, string?, int, bool> take)
    {
        string text = "";
        bool isLeaf = false; // Nothing but text has come since the last element began.
        while (reader.Read())
        {
            if (reader.Depth > MaxDepth) return false;
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    text = "";
                    isLeaf = !reader.IsEmptyElement;
                    if (reader.IsEmptyElement && !take(reader.LocalName, "", reader.Depth)) return true;
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace:
                    if (text.Length + reader.Value.Length > MaxValueLength) isLeaf = false;
                    else text += reader.Value;
                    break;
                case XmlNodeType.EndElement:
                    if (!take(reader.LocalName, isLeaf ? text.Trim() : null, reader.Depth)) return true;
                    isLeaf = false;
                    text = "";
                    break;
                default:
                    break; // The declaration.
            }
        }

        return true;
    }
}
