using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Relay.Server.Tests;

namespace Interop.Tests;

/// <summary>nginx in front of a relay, in the foreground and on loopback: one port speaks HTTP, the other only carries bytes.</summary>
internal sealed class NginxProxy : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly string _directory;

    private NginxProxy(Process process, string directory, int httpPort, int streamPort)
    {
        _process = process;
        _directory = directory;
        Http = new IPEndPoint(IPAddress.Loopback, httpPort);
        Stream = new IPEndPoint(IPAddress.Loopback, streamPort);
    }

    /// <summary>Where it is a reverse proxy to the relay's plain listener, and writes X-Forwarded-For.</summary>
    public IPEndPoint Http { get; }

    /// <summary>Where it carries bytes to the relay's TLS listener, and writes a PROXY header.</summary>
    public IPEndPoint Stream { get; }

    public static async Task<NginxProxy> StartAsync(string relayPlain, string relayTls)
    {
        string directory = Directory.CreateTempSubdirectory("relay-nginx-").FullName;
        (int http, int stream) = (FreePort.Find(), FreePort.Find());
        string modules = File.Exists("/usr/lib/nginx/modules/ngx_stream_module.so") ? "load_module /usr/lib/nginx/modules/ngx_stream_module.so;" : "";
        string configuration = Path.Combine(directory, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            {{modules}}
            daemon off;
            master_process off;
            pid {{directory}}/nginx.pid;
            error_log stderr;
            events { worker_connections 64; }
            http {
              access_log off;
              client_body_temp_path {{directory}}/body;
              proxy_temp_path {{directory}}/proxy;
              fastcgi_temp_path {{directory}}/fastcgi;
              uwsgi_temp_path {{directory}}/uwsgi;
              scgi_temp_path {{directory}}/scgi;
              server {
                listen 127.0.0.1:{{http}};
                location / {
                  proxy_pass http://{{relayPlain}};
                  proxy_http_version 1.1;
                  proxy_set_header Host $host;
                  proxy_set_header Upgrade $http_upgrade;
                  proxy_set_header Connection "upgrade";
                  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                  proxy_read_timeout 130s;
                }
              }
            }
            stream {
              server {
                listen 127.0.0.1:{{stream}};
                proxy_pass {{relayTls}};
                proxy_protocol on;
              }
            }
            """);
        ProcessStartInfo start = new("nginx", ["-p", directory, "-c", configuration]) { RedirectStandardError = true, RedirectStandardOutput = true };
        NginxProxy proxy = new(Process.Start(start)!, directory, http, stream);
        try
        {
            await proxy.IsUpAsync(proxy.Http);
            await proxy.IsUpAsync(proxy.Stream);
            return proxy;
        }
        catch
        {
            await proxy.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects to it from that address of the loopback network, so that the relay can tell whom it hears of.</summary>
    public static async Task<NetworkStream> ConnectAsync(IPEndPoint to, IPAddress from)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(to);
        return new NetworkStream(socket, ownsSocket: true);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task IsUpAsync(IPEndPoint at)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_process.HasExited) throw new InvalidOperationException($"nginx did not start: {await _process.StandardError.ReadToEndAsync()}");
            try
            {
                using TcpClient probe = new();
                await probe.ConnectAsync(at);
                return;
            }
            catch (SocketException) when (Stopwatch.GetElapsedTime(start) < Patience)
            {
                await Task.Delay(50);
            }
        }
    }
}
