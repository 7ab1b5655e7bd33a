using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Timing;

namespace Simulation;

/// <summary>Whom a node has spoken with, from which socket and where: what a path must be proven by.</summary>
internal sealed class SimContacts
{
    private static readonly TimeSpan ProofLasts = TimeSpan.FromSeconds(6);

    private readonly Dictionary<(SocketId Socket, TransportAddress Remote), Contact> _contacts = [];

    public void NoteSent(SocketId socket, TransportAddress remote, Instant now) => Of(socket, remote).Sent = now;

    public void NoteHeard(SocketId socket, TransportAddress remote, NodeKey from, Instant now) => Of(socket, remote).Heard = (from, now);

    /// <summary>Only a verified, answered check may promote: we must have sent there, and the peer itself must have spoken from there since.</summary>
    public bool IsProven(SelectedPath path, NodeKey peer, Instant now)
    {
        Contact contact = Of(path.Socket, path.Remote);
        return contact.Sent is { } sent && contact.Heard is { } heard && heard.From == peer && now - sent < ProofLasts && now - heard.At < ProofLasts;
    }

    public void Clear() => _contacts.Clear();

    private Contact Of(SocketId socket, TransportAddress remote)
    {
        if (_contacts.TryGetValue((socket, remote), out Contact? contact)) return contact;
        return _contacts[(socket, remote)] = new Contact();
    }

    private sealed class Contact
    {
        public Instant? Sent { get; set; }

        public (NodeKey From, Instant At)? Heard { get; set; }
    }
}
