using System.Text;
using Node.Traversal;
using Relay.Protocol;

namespace Samples;

public static class Chat
{
    /// <summary>Starts a node, reaches a peer by its key alone, sends one datagram and waits for the answer.</summary>
    public static async Task<string> AskAsync(TraversalNodeOptions options, NodeKey friend, string question, CancellationToken cancellation)
    {
        await using TraversalNode node = await TraversalNode.StartAsync(options, cancellation);
        TraversalPeer peer = node.AddPeer(new TraversalPeerOptions { PublicKey = friend });

        // Goes by relay at once; a direct path is looked for meanwhile. Datagrams may be lost: ask until there is an answer.
        while (true)
        {
            peer.Send(Encoding.UTF8.GetBytes(question));
            using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(TimeSpan.FromSeconds(1));
            try
            {
                return Encoding.UTF8.GetString(await peer.ReceiveAsync(patience.Token));
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                continue;
            }
        }
    }
}
