namespace NatLab;

/// <summary>A WireGuard key pair, as its tools make and spell it.</summary>
public sealed record WireGuardKeys(string PrivateKey, string PublicKey)
{
    public static async Task<WireGuardKeys> CreateAsync()
    {
        string privateKey = (await Command.RunAsync(["wg", "genkey"])).Trim();
        string publicKey = (await Command.RunAsync(["wg", "pubkey"], privateKey)).Trim();
        return new WireGuardKeys(privateKey, publicKey);
    }

    public override string ToString() => PublicKey; // The private key is never printed.
}
