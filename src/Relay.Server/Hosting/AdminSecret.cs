using System.Security.Cryptography;
using System.Text;
using Settings;

namespace Relay.Server.Hosting;

/// <summary>What the admin pages ask for. It has no text form, and is compared in constant time.</summary>
internal sealed class AdminSecret
{
    private const int MinLength = 16;
    private const int MaxLength = 1024;
    private const string Scheme = "Bearer ";

    private readonly byte[] _hash;

    private AdminSecret(string secret) => _hash = HashOf(secret);

    /// <summary>Reads the file's only line.</summary>
    /// <exception cref="FormatException">There is no secret of a useful length.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static AdminSecret Read(string path)
    {
        string secret = NamedFile.ReadText(path, MaxLength).Trim();
        if (secret.Length < MinLength || secret.Any(character => character is <= ' ' or > '~')) throw new FormatException($"{path} holds no secret of at least {MinLength} printable characters without a space");
        return new AdminSecret(secret);
    }

    /// <summary>Says whether the value of an Authorization field holds the secret.</summary>
    public bool IsIn(string? authorization) =>
        authorization is not null && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && CryptographicOperations.FixedTimeEquals(_hash, HashOf(authorization[Scheme.Length..].Trim()));

    private static byte[] HashOf(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text)); // So that not even the length can be told by time.
}
