using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>OpenSSL 3 by its own API, as far as a server of streams needs it. Pointers to its objects are plain numbers here.</summary>
internal static unsafe partial class OpenSsl
{
    public const int ErrorSsl = 1;
    public const int ErrorWantRead = 2;
    public const int ErrorWantWrite = 3;
    public const int ErrorZeroReturn = 6;

    public const int ModeEnablePartialWrite = 0x1;
    public const int ModeAcceptMovingWriteBuffer = 0x2;
    public const int ModeReleaseBuffers = 0x10;

    public const ulong OptionNoTicket = 1UL << 14;
    public const ulong OptionNoCompression = 1UL << 17;
    public const ulong OptionNoRenegotiation = 1UL << 30;

    public const int ControlMode = 33;
    public const int ControlSetReadAhead = 41;
    public const int ControlSessionCacheMode = 44;
    public const int ControlExtraChainCertificate = 14;
    public const int ControlMinVersion = 123;
    public const int Tls12 = 0x303;

    public const int AlertFatal = 2; // SSL_TLSEXT_ERR_ALERT_FATAL
    public const int AlpnNoAck = 3; // SSL_TLSEXT_ERR_NOACK: as if the client had not asked.
    public const int AlpnOk = 0;

    public const int BioFlagRead = 0x1;
    public const int BioFlagWrite = 0x2;
    public const int BioFlagShouldRetry = 0x8;
    public const int BioControlFlush = 11;
    public const int BioControlPush = 6;
    public const int BioControlPop = 7;

    private const string Ssl = "libssl.so.3";
    private const string Crypto = "libcrypto.so.3";
    private const ulong InitNoAtExit = 0x80000;

    /// <summary>Says whether this machine has OpenSSL 3. The first question loads it.</summary>
    public static bool IsAvailable { get; } = Load();

    /// <summary>The version, as in "OpenSSL 3.0.19 27 Jan 2026".</summary>
    public static string Version => Marshal.PtrToStringUTF8(OpenSslVersion(0)) ?? "";

    [LibraryImport(Ssl, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_new")]
    public static partial nint NewContext(nint method);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ControlContext(nint context, int command, nint number, nint pointer);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_options")]
    public static partial ulong SetOptions(nint context, ulong options);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_num_tickets")]
    public static partial void SetTickets(nint context, nuint count);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_default_read_buffer_len")]
    public static partial void SetReadBufferLength(nint context, nuint length);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_set_alpn_select_cb")]
    public static partial void SetAlpnSelector(nint context, delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> selector, nint argument);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_certificate")]
    public static partial int UseCertificate(nint context, nint certificate);

    [LibraryImport(Ssl, EntryPoint = "SSL_CTX_use_PrivateKey")]
    public static partial int UsePrivateKey(nint context, nint key);

    [LibraryImport(Ssl, EntryPoint = "SSL_new")]
    public static partial nint New(nint context);

    [LibraryImport(Ssl, EntryPoint = "SSL_free")]
    public static partial void Free(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_bio")]
    public static partial void SetBio(nint ssl, nint reading, nint writing);

    [LibraryImport(Ssl, EntryPoint = "SSL_set_accept_state")]
    public static partial void SetAcceptState(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_do_handshake")]
    public static partial int DoHandshake(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_read")]
    public static partial int Read(nint ssl, byte* buffer, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_write")]
    public static partial int Write(nint ssl, byte* bytes, int length);

    [LibraryImport(Ssl, EntryPoint = "SSL_shutdown")]
    public static partial int Shutdown(nint ssl);

    [LibraryImport(Ssl, EntryPoint = "SSL_get_error")]
    public static partial int GetError(nint ssl, int result);

    /// <summary>What <see cref="VersionOf"/> says of TLS 1.3.</summary>
    public const int Tls13 = 0x0304;

    [LibraryImport(Ssl, EntryPoint = "SSL_version")]
    public static partial int VersionOf(nint ssl);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_new")]
    public static partial nint NewBioMethod(int type, byte* name);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_read")]
    public static partial void SetBioRead(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> read);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_write")]
    public static partial void SetBioWrite(nint method, delegate* unmanaged[Cdecl]<nint, byte*, int, int> write);

    [LibraryImport(Crypto, EntryPoint = "BIO_meth_set_ctrl")]
    public static partial void SetBioControl(nint method, delegate* unmanaged[Cdecl]<nint, int, nint, nint, nint> control);

    [LibraryImport(Crypto, EntryPoint = "BIO_new")]
    public static partial nint NewBio(nint method);

    [LibraryImport(Crypto, EntryPoint = "BIO_up_ref")]
    public static partial void ReferenceBio(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_free")]
    public static partial void FreeBio(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_data")]
    public static partial void SetBioData(nint bio, nint data);

    [LibraryImport(Crypto, EntryPoint = "BIO_get_data"), SuppressGCTransition]
    public static partial nint GetBioData(nint bio);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_init")]
    public static partial void SetBioInit(nint bio, int isReady);

    [LibraryImport(Crypto, EntryPoint = "BIO_set_flags"), SuppressGCTransition]
    public static partial void SetBioFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "BIO_clear_flags"), SuppressGCTransition]
    public static partial void ClearBioFlags(nint bio, int flags);

    [LibraryImport(Crypto, EntryPoint = "d2i_X509")]
    public static partial nint ReadCertificate(nint reuse, byte** der, int length);

    [LibraryImport(Crypto, EntryPoint = "X509_free")]
    public static partial void FreeCertificate(nint certificate);

    [LibraryImport(Crypto, EntryPoint = "d2i_AutoPrivateKey")]
    public static partial nint ReadPrivateKey(nint reuse, byte** der, int length);

    [LibraryImport(Crypto, EntryPoint = "EVP_PKEY_free")]
    public static partial void FreeKey(nint key);

    [LibraryImport(Crypto, EntryPoint = "ERR_get_error")]
    public static partial ulong TakeError();

    [LibraryImport(Crypto, EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();

    [LibraryImport(Crypto, EntryPoint = "ERR_reason_error_string")]
    public static partial nint ReasonOf(ulong error);

    [LibraryImport(Crypto, EntryPoint = "OpenSSL_version")]
    private static partial nint OpenSslVersion(int what);

    [LibraryImport(Crypto, EntryPoint = "OPENSSL_init_crypto")]
    private static partial int Initialise(ulong options, nint settings);

    /// <summary>Why the last call failed, in OpenSSL's words; the thread's list of errors is empty afterwards.</summary>
    public static string LastError()
    {
        ulong error = TakeError();
        ClearErrors();
        return error == 0 ? "the connection broke" : Marshal.PtrToStringUTF8(ReasonOf(error)) ?? $"error {error:x}";
    }

    private static bool Load()
    {
        if (!OperatingSystem.IsLinux()) return false;
        if (!NativeLibrary.TryLoad(Crypto, typeof(OpenSsl).Assembly, null, out _)) return false;
        if (!NativeLibrary.TryLoad(Ssl, typeof(OpenSsl).Assembly, null, out _)) return false;
        return Initialise(InitNoAtExit, 0) == 1; // At exit shards may still be at work: OpenSSL must not tidy up under them.
    }
}
