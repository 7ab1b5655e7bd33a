using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Relay.Server.Hosting;

namespace Relay.Server.Shards;

/// <summary>
/// What the TLS connections of a listener are opened with: TLS 1.2 and 1.3, no renegotiation, no early data, no tickets. The certificate may
/// be exchanged at any time; connections that are open keep the one they were opened with.
/// </summary>
/// <param name="certificate">The certificate of any moment.</param>
/// <param name="last">A certificate that is served behind all others, for what it says; null = none.</param>
internal sealed unsafe class TlsContext(Func<ServerCertificate> certificate, X509Certificate2? last) : IDisposable
{
    // One read of a socket: enough for a burst of 40 full packets. OpenSSL holds it only while there is part of a record in it.
    private const int ReadBufferLength = 64 << 10;

    private readonly Lock _lock = new();
    private ServerCertificate? _loaded;
    private nint _context;

    /// <summary>Makes the TLS side of a new connection, with the certificate of this moment; 0 where there is no memory.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not take the certificate.</exception>
    public nint Open()
    {
        lock (_lock)
        {
            Load();
            nint ssl = OpenSsl.New(_context);
            if (ssl != 0) OpenSsl.SetAcceptState(ssl);
            return ssl;
        }
    }

    /// <summary>Takes the certificate of this moment, if it is another than the last one.</summary>
    /// <exception cref="CryptographicException">OpenSSL does not take the certificate; the last one stays.</exception>
    public void Load()
    {
        lock (_lock)
        {
            ServerCertificate wanted = certificate();
            if (ReferenceEquals(wanted, _loaded)) return;
            nint made = Make(wanted);
            if (_context != 0) OpenSsl.FreeContext(_context); // The connections opened with it hold it for as long as they need it.
            _context = made;
            _loaded = wanted;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_context != 0) OpenSsl.FreeContext(_context);
            _context = 0;
            _loaded = null;
        }
    }

    private nint Make(ServerCertificate certificate)
    {
        nint context = OpenSsl.NewContext(OpenSsl.ServerMethod());
        try
        {
            Check(context != 0, "makes no context");
            OpenSsl.ControlContext(context, OpenSsl.ControlMinVersion, OpenSsl.Tls12, 0);
            OpenSsl.ControlContext(context, OpenSsl.ControlMode, OpenSsl.ModeReleaseBuffers | OpenSsl.ModeAcceptMovingWriteBuffer, 0);
            OpenSsl.ControlContext(context, OpenSsl.ControlSetReadAhead, 1, 0);
            OpenSsl.ControlContext(context, OpenSsl.ControlSessionCacheMode, 0, 0);
            OpenSsl.SetOptions(context, OpenSsl.OptionNoRenegotiation | OpenSsl.OptionNoCompression | OpenSsl.OptionNoTicket);
            OpenSsl.SetTickets(context, 0);
            OpenSsl.SetReadBufferLength(context, ReadBufferLength);
            OpenSsl.SetAlpnSelector(context, &SelectProtocol, 0);
            Use(context, certificate);
            return context;
        }
        catch
        {
            if (context != 0) OpenSsl.FreeContext(context);
            throw;
        }
    }

    private void Use(nint context, ServerCertificate certificate)
    {
        nint leaf = Read(certificate.Leaf);
        Check(OpenSsl.UseCertificate(context, leaf) == 1, "does not take the certificate");
        OpenSsl.FreeCertificate(leaf);

        byte[] der = certificate.ExportKey();
        fixed (byte* start = der)
        {
            byte* at = start;
            nint key = OpenSsl.ReadPrivateKey(0, &at, der.Length);
            CryptographicOperations.ZeroMemory(der);
            Check(key != 0, "does not read the certificate's key");
            Check(OpenSsl.UsePrivateKey(context, key) == 1, "does not take the certificate's key");
            OpenSsl.FreeKey(key);
        }

        foreach (X509Certificate2 above in last is null ? certificate.Chain : certificate.Chain.Append(last))
        {
            // The context owns it from here on.
            Check(OpenSsl.ControlContext(context, OpenSsl.ControlExtraChainCertificate, 0, Read(above)) == 1, "does not take a certificate of the chain");
        }
    }

    private static nint Read(X509Certificate2 certificate)
    {
        byte[] der = certificate.RawData;
        fixed (byte* start = der)
        {
            byte* at = start;
            nint read = OpenSsl.ReadCertificate(0, &at, der.Length);
            Check(read != 0, $"does not read {certificate.Subject}");
            return read;
        }
    }

    private static void Check(bool isGood, string what)
    {
        if (!isGood) throw new CryptographicException($"OpenSSL {what}: {OpenSsl.LastError()}.");
    }

    /// <summary>Agrees on HTTP/1.1 where the client offers it, and never on h2, which has no upgrade; else goes on as if nobody had asked.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SelectProtocol(nint ssl, byte** selected, byte* selectedLength, byte* offered, uint length, nint argument)
    {
        ReadOnlySpan<byte> names = new(offered, (int)length); // Each is a length (8 bits) and as many bytes.
        for (int at = 0; at < names.Length; at += 1 + names[at])
        {
            if (at + 1 + names[at] > names.Length) break;
            if (!names.Slice(at + 1, names[at]).SequenceEqual("http/1.1"u8)) continue;
            *selected = offered + at + 1;
            *selectedLength = names[at];
            return OpenSsl.AlpnOk;
        }

        return OpenSsl.AlpnNoAck;
    }
}
