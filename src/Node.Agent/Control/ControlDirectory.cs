using System.Net.Sockets;
using Settings;

namespace Node.Agent.Control;

/// <summary>Where agents have their sockets, and where <c>relay-node status</c> looks for them.</summary>
internal static class ControlDirectory
{
    /// <summary>The directory of all agents of this machine.</summary>
    public const string Default = "/run/relay-node";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const string Extension = ".sock";

    /// <summary>The socket of the agent of an interface.</summary>
    public static string SocketOf(string interfaceName, string directory = Default) => Path.Combine(directory, interfaceName + Extension);

    /// <summary>Makes the directory, closed to others, where it is missing; the default one is closed to others in any case.</summary>
    /// <exception cref="OptionException">It cannot be made.</exception>
    public static void Prepare(string directory, string source)
    {
        try
        {
            if (!Directory.Exists(directory)) Directory.CreateDirectory(directory, OwnerOnly);
            if (directory == Default) File.SetUnixFileMode(directory, OwnerOnly);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new OptionException(source, $"the directory {directory} cannot be made ({exception.Message.TrimEnd('.')})", "give --socket PATH in a directory that may be written");
        }
    }

    /// <summary>Finds the one agent of this machine.</summary>
    /// <exception cref="NoAgentException">There is none, or this user may not see it.</exception>
    /// <exception cref="OptionException">There are several.</exception>
    public static string FindOnlySocket(string directory = Default)
    {
        string[] sockets = FindAll(directory);
        return sockets.Length switch
        {
            1 => sockets[0],
            0 => throw new NoAgentException($"no agent has a socket in {directory}; start one with relay-node up CONF, or give --socket PATH."),
            _ => throw new OptionException("--interface", $"agents of several interfaces run here ({NamesOf(sockets)})", "name one of them"),
        };
    }

    /// <summary>Finds the agent of an interface.</summary>
    /// <exception cref="NoAgentException">There is none, or this user may not see it; the message says which there are.</exception>
    public static string FindSocketOf(string interfaceName, string directory = Default)
    {
        string[] sockets = FindAll(directory);
        if (sockets.Contains(SocketOf(interfaceName, directory))) return SocketOf(interfaceName, directory);
        string others = sockets.Length == 0 ? "there is no agent" : $"there are agents of {NamesOf(sockets)}";
        throw new NoAgentException($"no agent of {interfaceName} has a socket in {directory}: {others}; start one with relay-node up CONF, or give the --socket PATH it was started with.");
    }

    private static string NamesOf(IEnumerable<string> sockets) => string.Join(", ", sockets.Select(Path.GetFileNameWithoutExtension));

    private static string[] FindAll(string directory)
    {
        try
        {
            return Directory.Exists(directory) ? [.. Directory.GetFiles(directory, "*" + Extension).Order(StringComparer.Ordinal)] : [];
        }
        catch (UnauthorizedAccessException)
        {
            throw new NoAgentException($"{directory} may not be read; ask as the user the agent runs as, usually root.");
        }
    }
}
