using System.Security.Cryptography;
using System.Text.Json;
using Relay.Protocol;
using Settings;

namespace Relay.Server.Hosting;

/// <summary>The file with the relay's private key, in derper's own form: <c>{"PrivateKey":"privkey:…"}</c>, 64 hexadecimal digits.</summary>
internal static class KeyFile
{
    private const string Prefix = "privkey:";
    private const int MaxLength = 64 << 10;

    /// <summary>Makes keys that are kept nowhere.</summary>
    public static NodeKeyPair InMemory()
    {
        Span<byte> secret = stackalloc byte[NodeKey.Length];
        RandomNumberGenerator.Fill(secret);
        return NodeKeyPair.FromPrivateKey(secret);
    }

    /// <summary>Reads the file, or makes it, for its owner's eyes only, where there is none.</summary>
    /// <exception cref="FormatException">The file holds something else.</exception>
    /// <exception cref="IOException">The file cannot be read or made.</exception>
    public static NodeKeyPair ReadOrCreate(string path)
    {
        if (Directory.Exists(path)) throw new IOException("it is a directory");
        if (File.Exists(path)) return Read(path);

        NodeKeyPair keys = InMemory();
        Span<byte> secret = stackalloc byte[NodeKey.Length];
        keys.CopySecretTo(secret);
        FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using StreamWriter file = new(path, options);
        file.Write($"{{\"PrivateKey\":\"{Prefix}{Convert.ToHexStringLower(secret)}\"}}\n");
        return keys;
    }

    private static NodeKeyPair Read(string path)
    {
        string json = NamedFile.ReadText(path, MaxLength);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string? text = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("PrivateKey", out JsonElement value) ? value.GetString() : null;
            if (text is null || !text.StartsWith(Prefix, StringComparison.Ordinal) || text.Length != Prefix.Length + 2 * NodeKey.Length) throw new FormatException("it has no \"PrivateKey\":\"privkey:<64 hexadecimal digits>\"");
            return NodeKeyPair.FromPrivateKey(Convert.FromHexString(text.AsSpan(Prefix.Length)));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new FormatException("it is not the JSON of a key file", exception);
        }
    }
}
