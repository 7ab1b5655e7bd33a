using System.Text;

namespace Relay.Server.Admission;

/// <summary>Fetches signing keys from a web address.</summary>
internal sealed class KeySetDownload : IDisposable
{
    /// <summary>How long one may take.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, MaxResponseHeadersLength = 16 })
    {
        Timeout = Timeout,
        MaxResponseContentBufferSize = SigningKeys.MaxLength,
    };

    /// <exception cref="FormatException">What is there is no key set.</exception>
    /// <exception cref="HttpRequestException">It could not be had, or is too long.</exception>
    public async Task<SigningKeys> GetAsync(Uri url, CancellationToken cancellation)
    {
        try
        {
            return SigningKeys.Parse(Encoding.UTF8.GetString(await _http.GetByteArrayAsync(url, cancellation)), url.ToString());
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException($"{url.Host} has not answered within {Timeout.TotalSeconds} s", exception);
        }
    }

    public void Dispose() => _http.Dispose();
}
