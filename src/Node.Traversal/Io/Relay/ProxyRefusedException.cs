namespace Node.Traversal.Io.Relay;

/// <summary>A proxy wants credentials, or others than it was shown: somebody must see to it. The message never holds them.</summary>
internal sealed class ProxyRefusedException(string message) : IOException(message);
