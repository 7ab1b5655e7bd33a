using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Settings;

namespace Node.Agent.Control;

/// <summary>
/// Answers questions about a running agent on a Unix socket that only its user can open. A question is one word and a line end, the
/// answer is text up to the end of the connection.
/// </summary>
internal sealed partial class ControlSocket : IAsyncDisposable
{
    private const int MaxQuestionLength = 64;
    private const int MaxPathLength = 107; // sockaddr_un has 108 bytes, the last of which ends the path.
    private const int NoSuchDevice = 6; // ENXIO: what opening a socket's file like any other comes to.
    private const int Backlog = 8;
    private const int OwnerOnlyMask = 0b001_111_111; // What a new file must not have: anything but rw for its owner.
    private static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(200); // Out of descriptors, for instance: the one who asks waits, and would be found waiting again at once.
    private static readonly TimeSpan QuestionLimit = TimeSpan.FromSeconds(2); // One at a time: nobody may hold up the next for longer.

    private readonly Socket _listener;
    private readonly string _path;
    private readonly Func<string, string?> _answer;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _serving;

    private ControlSocket(Socket listener, string path, Func<string, string?> answer)
    {
        _listener = listener;
        _path = path;
        _answer = answer;
        _serving = ServeAsync(_stopping.Token);
    }

    /// <summary>Opens the socket and begins to answer. A socket that a dead agent has left is replaced.</summary>
    /// <param name="path">Where.</param>
    /// <param name="answer">Answers a question; null for one it does not know. Called from one task.</param>
    /// <exception cref="OptionException">A living agent has it, or it cannot be made.</exception>
    public static ControlSocket Open(string path, Func<string, string?> answer)
    {
        MakeRoom(path);
        Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        int mask = Umask(OwnerOnlyMask); // So that there is no moment at which others could connect.
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(Backlog);
        }
        catch (Exception exception) when (exception is SocketException or ArgumentException)
        {
            listener.Dispose();
            throw new OptionException(path, $"the socket cannot be made ({exception.Message.TrimEnd('.')})", "give --socket PATH, short and in a directory that may be written");
        }
        finally
        {
            _ = Umask(mask);
        }

        return new ControlSocket(listener, path, answer);
    }

    /// <summary>Removes a socket that a dead agent has left at a path, and nothing else that may be there.</summary>
    /// <exception cref="OptionException">A living agent has it, something else is there, or no socket can have that path.</exception>
    public static void MakeRoom(string path)
    {
        int length = Encoding.UTF8.GetByteCount(path);
        if (length > MaxPathLength) throw new OptionException("--socket", $"the path is {length} bytes long, and the system takes {MaxPathLength}", "give a shorter one");
        if (Directory.Exists(path)) throw new OptionException(path, "there is a directory", "give --socket the path of a file in it");
        if (!File.Exists(path)) return;
        if (!IsSocket(path)) throw new OptionException(path, "there is a file that is no socket", "remove it or give another --socket PATH");
        if (!IsAnswered(path)) File.Delete(path); // Nobody listens: whoever made it is gone.
        else throw new OptionException(path, "another relay-node answers there", "stop that one first or give --socket PATH");
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _serving;
        _stopping.Dispose();
        File.Delete(_path);
    }

    /// <summary>Says whether a path is a socket's. Connecting does not tell: an ordinary file refuses a connection as a dead socket does.</summary>
    private static bool IsSocket(string path)
    {
        try
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.HResult == NoSuchDevice;
        }
    }

    private static bool IsAnswered(string path)
    {
        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
        catch (SocketException exception)
        {
            throw new OptionException(path, $"something else is there ({exception.Message.TrimEnd('.')})", "remove it or give --socket PATH");
        }
    }

    private async Task ServeAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                using Socket connection = await _listener.AcceptAsync(stopping);
                using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
                limit.CancelAfter(QuestionLimit);
                await AnswerAsync(connection, limit.Token);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // The one who asked has gone or was too slow, there was no answer to be had, or we are stopping: the loop's condition tells.
                await Task.Delay(ErrorPause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task AnswerAsync(Socket connection, CancellationToken limit)
    {
        byte[] buffer = new byte[MaxQuestionLength];
        int length = 0;
        while (length < buffer.Length && !buffer.AsSpan(0, length).Contains((byte)'\n'))
        {
            int read = await connection.ReceiveAsync(buffer.AsMemory(length), limit);
            if (read == 0) break;
            length += read;
        }

        string question = Encoding.ASCII.GetString(buffer, 0, length).Trim();
        ReadOnlyMemory<byte> answer = Encoding.UTF8.GetBytes(_answer(question) ?? "unknown question");
        while (!answer.IsEmpty) answer = answer[await connection.SendAsync(answer, limit)..];
        connection.Shutdown(SocketShutdown.Both);
    }

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial int Umask(int mask);
}
