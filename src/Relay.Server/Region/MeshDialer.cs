using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Protocol.Handshake;
using Relay.Server.Core;

namespace Relay.Server.Region;

/// <summary>A relay that has let us in.</summary>
/// <param name="Stream">The stream of frames.</param>
/// <param name="Leftover">What has arrived behind the handshake.</param>
/// <param name="ServerKey">The relay's key.</param>
internal sealed record MeshStream(Stream Stream, byte[] Leftover, NodeKey ServerKey);

/// <summary>Connects to another relay of the region as a client of it, with our own key and the region's secret.</summary>
internal sealed class MeshDialer(RelayIdentity identity, MeshTrust trust)
{
    /// <summary>How long all of it may take.</summary>
    public static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <exception cref="IOException">The relay cannot be reached, or closes the connection.</exception>
    /// <exception cref="SocketException">The same.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">Its certificate is not to be trusted.</exception>
    /// <exception cref="RelayProtocolException">It refuses us, or is no relay.</exception>
    /// <exception cref="OperationCanceledException">It took too long.</exception>
    public async Task<MeshStream> ConnectAsync(MeshTarget target, CancellationToken cancellation)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream stream = Stream.Null;
        try
        {
            await socket.ConnectAsync(target.DialHost, target.Port, cancellation);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            SslStream tls = new(new NetworkStream(socket, ownsSocket: true));
            stream = tls;
            await tls.AuthenticateAsClientAsync(trust.OptionsFor(target.Host), cancellation);
            return await LogInAsync(target, tls, cancellation);
        }
        catch
        {
            await stream.DisposeAsync();
            socket.Dispose();
            throw;
        }
    }

    private async Task<MeshStream> LogInAsync(MeshTarget target, Stream stream, CancellationToken cancellation)
    {
        ClientInfo info = new() { MeshKey = identity.MeshSecret?.ToMeshKey() };
        ClientHandshake handshake = new(identity.Keys, target.HostField, info, RandomNumberGenerator.GetBytes(Box.NonceLength), token: null, identity.UpgradePath);
        byte[] buffer = new byte[RelayLimits.MaxServerInfoLength + ClientHandshake.MaxHeadLength];
        int held = 0;
        while (true)
        {
            if (handshake.TakeOutput() is { } output) await stream.WriteAsync(output, cancellation);
            int read = await stream.ReadAsync(buffer.AsMemory(held), cancellation);
            if (read == 0) throw new IOException("it closed the connection before it let us in");

            held += read;
            int consumed = handshake.Receive(buffer.AsSpan(0, held));
            buffer.AsSpan(consumed, held - consumed).CopyTo(buffer);
            held -= consumed;
            if (handshake.IsComplete) return new MeshStream(stream, buffer[..held], handshake.ServerKey);
        }
    }
}
