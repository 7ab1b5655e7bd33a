using Addresses;
using Node.Agent.WireGuard;
using Relay.Protocol;

namespace Node.Agent.Tests.WireGuard;

/// <summary>An interface that is a file, and a program that behaves like <c>wg</c> on it.</summary>
internal sealed class FakeWireGuard : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fake-wg").FullName;

    public FakeWireGuard()
    {
        Program = Path.Combine(_directory, "wg");
        File.CreateSymbolicLink(Program, Path.Combine(AppContext.BaseDirectory, "fake-wg.sh"));
    }

    public string Program { get; }

    /// <summary>Makes or replaces the interface.</summary>
    public void Write(string interfaceName, int key, int port, string mark, params ReadOnlySpan<(int Peer, string Endpoint)> peers)
    {
        string text = $"{Keys.PrivateText(key)}\t{Keys.Peer(key).ToBase64()}\t{port}\t{mark}\n";
        foreach ((int peer, string endpoint) in peers) text += $"{Keys.Peer(peer).ToBase64()}\t(none)\t{endpoint}\t10.9.0.0/32\t0\t0\t0\toff\n";
        string file = Path.Combine(_directory, interfaceName);
        File.WriteAllText(file + ".made", text);
        File.Move(file + ".made", file, overwrite: true);
    }

    /// <summary>Makes or replaces the interface by what <c>wg show IF dump</c> would print of it.</summary>
    public void Write(string interfaceName, string dump) => File.WriteAllText(Path.Combine(_directory, interfaceName), dump);

    /// <summary>Takes the interface away.</summary>
    public void Remove(string interfaceName) => File.Delete(Path.Combine(_directory, interfaceName));

    /// <summary>Has the program wait until <see cref="Release"/>.</summary>
    /// <returns>A file that is there once it waits.</returns>
    public string Hold()
    {
        File.WriteAllText(HoldFile, "");
        return HoldFile + ".reached";
    }

    /// <summary>Lets the program go on.</summary>
    public void Release() => File.Delete(HoldFile);

    /// <summary>What the interface has as a peer's endpoint.</summary>
    public TransportAddress EndpointOf(string interfaceName, NodeKey peer) => InterfaceDump.Parse(DumpOf(interfaceName))!.Endpoints[peer];

    /// <summary>The interface as <c>wg show IF dump</c> prints it.</summary>
    public string DumpOf(string interfaceName) => File.ReadAllText(Path.Combine(_directory, interfaceName));

    /// <summary>Makes a program that refuses whatever is asked, with that on its stderr.</summary>
    public string ProgramThatRefuses(string refusal)
    {
        string file = Path.Combine(_directory, "refusing-wg");
        File.WriteAllText(file, $"#!/bin/sh\necho '{refusal}' >&2\nexit 1\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return file;
    }

    private string HoldFile => Path.Combine(_directory, "hold");

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
