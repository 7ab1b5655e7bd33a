using Addresses;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>The ways to one peer that are known: those of its latest list, those from the configuration, and those its checks came from.</summary>
internal sealed class CandidatePairs
{
    /// <summary>The most peer-reflexive pairs kept; the one heard least recently makes room.</summary>
    public const int MaxPeerReflexive = 16;

    private readonly Dictionary<PairId, CandidatePair> _pairs = [];

    public IReadOnlyCollection<CandidatePair> All => _pairs.Values;

    public CandidatePair? Find(PairId id) => _pairs.GetValueOrDefault(id);

    /// <summary>Adds an address from the configuration.</summary>
    public void AddConfigured(TransportAddress remote)
    {
        PairId id = new(SocketId.For(remote), remote);
        if (!_pairs.TryAdd(id, new CandidatePair(id, CandidateOrigin.Configured))) _pairs[id].Origin = CandidateOrigin.Configured;
    }

    /// <summary>Takes the peer's whole list: it replaces the one before.</summary>
    /// <param name="remotes">The addresses.</param>
    /// <param name="selected">The pair in use, which stays in any case: only its checks may end it.</param>
    public void Replace(ReadOnlySpan<TransportAddress> remotes, CandidatePair? selected)
    {
        HashSet<PairId> announced = [];
        foreach (TransportAddress remote in remotes)
        {
            PairId id = new(SocketId.For(remote), remote);
            announced.Add(id);
            if (!_pairs.TryGetValue(id, out CandidatePair? pair)) _pairs.Add(id, new CandidatePair(id, CandidateOrigin.Announced));
            else if (pair.Origin == CandidateOrigin.PeerReflexive) pair.Origin = CandidateOrigin.Announced;
        }

        foreach (CandidatePair pair in _pairs.Values.Where(pair => pair.Origin == CandidateOrigin.Announced && !announced.Contains(pair.Id)).ToArray())
        {
            if (pair == selected) pair.Origin = CandidateOrigin.PeerReflexive;
            else _pairs.Remove(pair.Id);
        }
    }

    /// <summary>The pair a sealed check of the peer came in on; a new one where it is not known.</summary>
    public CandidatePair Hear(PairId arrivedOn, CandidatePair? selected, Instant now)
    {
        if (!_pairs.TryGetValue(arrivedOn, out CandidatePair? pair))
        {
            MakeRoom(selected);
            pair = new CandidatePair(arrivedOn, CandidateOrigin.PeerReflexive);
            _pairs.Add(arrivedOn, pair);
        }

        pair.LastHeard = now;
        return pair;
    }

    /// <summary>One of our sockets is no more, and nor are its pairs.</summary>
    public void Forget(SocketId socket)
    {
        foreach (PairId id in _pairs.Keys.Where(id => id.Socket == socket).ToArray()) _pairs.Remove(id);
    }

    /// <summary>All that the peer has told or shown is void, but for the pair in use.</summary>
    public void ForgetLearnt(CandidatePair? selected)
    {
        foreach (CandidatePair pair in _pairs.Values.Where(pair => pair.Origin != CandidateOrigin.Configured && pair != selected).ToArray()) _pairs.Remove(pair.Id);
    }

    private void MakeRoom(CandidatePair? selected)
    {
        CandidatePair[] reflexive = [.. _pairs.Values.Where(pair => pair.Origin == CandidateOrigin.PeerReflexive && pair != selected)];
        if (reflexive.Length < MaxPeerReflexive) return;
        _pairs.Remove(reflexive.MinBy(pair => pair.LastHeard ?? Instant.Origin)!.Id);
    }
}
