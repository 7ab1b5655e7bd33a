using System.Collections.Concurrent;
using System.Diagnostics;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Tests;
using Relay.Server.Tests.Core;

namespace Interop.Tests;

/// <summary>Our WebSocket as a browser sees it: a page logs in, sends, and sends back what it gets.</summary>
public sealed class BrowserTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-browser-").FullName;
    private readonly ConcurrentQueue<string> _said = new();
    private Process? _browser;

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            _browser.Kill(entireProcessTree: true);
            await _browser.WaitForExitAsync();
            _browser.Dispose();
        }

        for (int i = 0; Directory.Exists(_directory) && i < 20; i++)
        {
            try
            {
                Directory.Delete(_directory, recursive: true);
            }
            catch (IOException)
            {
                await Task.Delay(100); // A child of the browser's still writes to its profile.
            }
        }
    }

    [Fact]
    public async Task A_page_in_Chromium_exchanges_packets_with_a_client_of_another_kind()
    {
        Needs.Programs("chromium");
        await using RunningRelay relay = await RunningRelay.StartAsync("--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0");
        using TestClient bob = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        NodeKeyPair page = RelayWorld.Keys(1);
        string file = Path.Combine(_directory, "page.html");
        await File.WriteAllTextAsync(file, Page(relay.Plain, new ClientInfo().ToFrame(page, bob.ServerKey, new byte[Box.NonceLength]), RelayWorld.SendPacket(bob.Key, new byte[65536])));

        _browser = Process.Start(new ProcessStartInfo("chromium", ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", $"--user-data-dir={_directory}/profile", $"file://{file}"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        _browser.ErrorDataReceived += (_, said) => _said.Enqueue(said.Data ?? "");
        _browser.OutputDataReceived += (_, said) => _said.Enqueue(said.Data ?? "");
        _browser.BeginErrorReadLine();
        _browser.BeginOutputReadLine();

        (FrameType type, byte[] body) = await ReceiveAsync(bob);
        Assert.Equal((FrameType.RecvPacket, page.PublicKey, NodeKey.Length + 65536), (type, new NodeKey(body.AsSpan(0, NodeKey.Length)), body.Length)); // One message far over 32 KiB.

        foreach (int length in (int[])[1, 1400, 65536])
        {
            byte[] packet = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            await bob.SendAsync(page.PublicKey, packet);
            body = (await ReceiveAsync(bob)).Body;
            Assert.Equal(packet, body[NodeKey.Length..]);
        }
    }

    /// <summary>A browser takes its time to start.</summary>
    private async Task<(FrameType Type, byte[] Body)> ReceiveAsync(TestClient client)
    {
        for (int i = 0; ; i++)
        {
            try
            {
                return await client.ReceiveAsync();
            }
            catch (TimeoutException) when (i < 3)
            {
                continue;
            }
            catch (TimeoutException exception)
            {
                throw new TimeoutException($"The page sends nothing. The browser {(_browser is { HasExited: false } ? "runs" : "has ended")} and says:\n{string.Join('\n', _said)}", exception);
            }
        }
    }

    private static string Page(string relay, byte[] login, byte[] first) => $$"""
        <!doctype html>
        <script>
          const bytes = hex => Uint8Array.from(hex.match(/../g), one => parseInt(one, 16));
          const socket = new WebSocket("ws://{{relay}}/derp", "derp");
          socket.binaryType = "arraybuffer";
          let held = new Uint8Array(0);
          socket.onmessage = message => {
            const more = new Uint8Array(message.data), all = new Uint8Array(held.length + more.length);
            all.set(held); all.set(more, held.length); held = all;
            while (held.length >= 5) {
              const length = 5 + new DataView(held.buffer, held.byteOffset).getUint32(1);
              if (held.length < length) return;
              handle(held.slice(0, length));
              held = held.slice(length);
            }
          };
          function handle(frame) {
            if (frame[0] === 1) socket.send(bytes("{{Convert.ToHexStringLower(login)}}"));   // ServerKey: log in.
            if (frame[0] === 3) socket.send(bytes("{{Convert.ToHexStringLower(first)}}"));   // ServerInfo: send the first packet.
            if (frame[0] === 5) { frame[0] = 4; socket.send(frame); }                        // RecvPacket: send it back whence it came.
          }
        </script>
        """;
}
