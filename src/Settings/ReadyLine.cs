using System.Text.Encodings.Web;
using System.Text.Json;

namespace Settings;

/// <summary>Tells whoever started the program that it is ready: one line of JSON on stdout, <c>{"ready":true,"listen":["udp://127.0.0.1:3478"]}</c>.</summary>
public static class ReadyLine
{
    /// <summary>Prints the line and flushes it.</summary>
    /// <param name="listen">Where the program listens, as URLs: <c>tcp://127.0.0.1:3340</c>.</param>
    /// <param name="more">Further members, each a string.</param>
    public static void Write(IEnumerable<string> listen, params ReadOnlySpan<(string Name, string Value)> more)
    {
        using Stream output = Console.OpenStandardOutput();
        Write(output, listen, more);
    }

    internal static void Write(Stream output, IEnumerable<string> listen, params ReadOnlySpan<(string Name, string Value)> more)
    {
        // Nothing here ends up in a web page: a plus sign in a key may stay one.
        using (Utf8JsonWriter json = new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteBoolean("ready", true);
            json.WriteStartArray("listen");
            foreach (string address in listen) json.WriteStringValue(address);
            json.WriteEndArray();
            foreach ((string name, string value) in more) json.WriteString(name, value);
            json.WriteEndObject();
        }

        output.Write("\n"u8);
        output.Flush();
    }
}
