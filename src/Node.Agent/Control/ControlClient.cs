using System.Net.Sockets;
using System.Text;

namespace Node.Agent.Control;

/// <summary>Asks a running agent.</summary>
internal static class ControlClient
{
    private const int MaxAnswerLength = 16 << 20; // 4096 peers with half a kilobyte each stay far below it.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <exception cref="NoAgentException">No agent answers at <paramref name="path"/>.</exception>
    public static async Task<string> AskAsync(string path, string question, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token);
            await socket.SendAsync(Encoding.ASCII.GetBytes(question + "\n"), limit.Token);
            return await ReadAsync(socket, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new NoAgentException($"{path}: the agent did not answer within {Limit.TotalSeconds:0} s; try again, or look at its log.");
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AccessDenied)
        {
            throw new NoAgentException($"{path}: this user may not ask the agent there; ask as the user the agent runs as, usually root.");
        }
        catch (SocketException) when (!File.Exists(path))
        {
            throw new NoAgentException($"{path}: there is no socket; start an agent with relay-node up CONF, or give the --socket it was started with.");
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            throw new NoAgentException($"{path}: no agent answers there ({exception.Message.TrimEnd('.')}); start one with relay-node up CONF, or give the --socket it was started with.");
        }
    }

    private static async Task<string> ReadAsync(Socket socket, CancellationToken cancellation)
    {
        using MemoryStream answer = new();
        byte[] buffer = new byte[16 << 10];
        int read;
        while ((read = await socket.ReceiveAsync(buffer, cancellation)) > 0)
        {
            if (answer.Length + read > MaxAnswerLength) throw new IOException("The agent's answer is longer than can be.");
            answer.Write(buffer, 0, read);
        }

        return Encoding.UTF8.GetString(answer.GetBuffer(), 0, (int)answer.Length);
    }
}

/// <summary>There is no agent to ask. That is no fault of the settings: the exit code is 1.</summary>
internal sealed class NoAgentException(string message) : IOException(message);
