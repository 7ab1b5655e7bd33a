using System.Security.Cryptography;

namespace Settings;

/// <summary>Says why a certificate and its private key, from PEM files, cannot be used. The base library has one sentence for most of it.</summary>
public static class CertificateProblem
{
    private const int MaxLengthBytes = 1 << 20; // Longer chains do not fit into a TLS handshake.

    /// <summary>What would be right, for messages.</summary>
    public const string Remedy = "give PEM files that this program may read: the certificate with its chain, and its private key without a passphrase";

    /// <summary>A phrase without a full stop that names the file at fault.</summary>
    /// <param name="certificatePath">The file with the certificate.</param>
    /// <param name="keyPath">The file with the key; it may be the same one.</param>
    /// <param name="exception">What the base library said.</param>
    public static string Of(string certificatePath, string keyPath, Exception exception)
    {
        if (TryRead(certificatePath, out string certificate) is { } unreadable) return $"{certificatePath} cannot be read: {unreadable}";
        if (TryRead(keyPath, out string key) is { } unreadableKey) return $"{keyPath} cannot be read: {unreadableKey}";
        if (!Has(certificate, "CERTIFICATE")) return $"{certificatePath} has no certificate in it (PEM)";
        if (key.Contains("ENCRYPTED", StringComparison.Ordinal)) return $"the key in {keyPath} is encrypted";
        if (!Has(key, "PRIVATE KEY")) return $"{keyPath} has no private key in it (PEM)";
        return exception is CryptographicException or ArgumentException
            ? $"the key in {keyPath} is not that of the first certificate in {certificatePath}, or one of them is damaged"
            : exception.Message.TrimEnd('.');
    }

    private static string? TryRead(string path, out string text)
    {
        text = "";
        try
        {
            text = NamedFile.ReadText(path, MaxLengthBytes);
            return null;
        }
        catch (IOException exception)
        {
            return exception.Message;
        }
    }

    private static bool Has(string text, string label)
    {
        ReadOnlySpan<char> rest = text;
        while (PemEncoding.TryFind(rest, out PemFields fields))
        {
            if (rest[fields.Label].EndsWith(label, StringComparison.Ordinal)) return true;
            rest = rest[fields.Location.End..];
        }

        return false;
    }
}
