using System.Security.Cryptography;

namespace Settings.Tests;

public sealed class CertificateProblemTests : IDisposable
{
    private const string Certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    private const string Key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    private const string EncryptedKey = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("settings").FullName;

    [Theory]
    [InlineData(null, Key, "c.pem cannot be read: there is no such file")]
    [InlineData(Certificate, null, "k.pem cannot be read: there is no such file")]
    [InlineData("", Key, "c.pem has no certificate in it (PEM)")]
    [InlineData(Key, Key, "c.pem has no certificate in it (PEM)")]
    [InlineData(Certificate, "", "k.pem has no private key in it (PEM)")]
    [InlineData(Certificate, Certificate, "k.pem has no private key in it (PEM)")]
    [InlineData(Certificate, EncryptedKey, "k.pem is encrypted")]
    [InlineData(Certificate, Certificate + Key, "is not that of the first certificate")]
    public void The_file_at_fault_is_named(string? certificate, string? key, string part) =>
        Assert.Contains(part, CertificateProblem.Of(Write("c.pem", certificate), Write("k.pem", key), new CryptographicException("all the same")), StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Write(string name, string? content)
    {
        string path = Path.Combine(_directory, name);
        if (content is not null) File.WriteAllText(path, content);
        return path;
    }
}
