using System.Net.Sockets;

namespace Datagrams;

/// <summary>How one platform waits for several sockets at once.</summary>
internal interface IReadinessSet : IDisposable
{
    void Add(Socket socket, int token);

    void Remove(Socket socket);

    int Wait(Span<int> readyTokens, int timeoutMilliseconds);

    void Wake();
}
