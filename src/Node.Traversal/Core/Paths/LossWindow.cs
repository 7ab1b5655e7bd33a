using System.Numerics;

namespace Node.Traversal.Core.Paths;

/// <summary>What became of a pair's latest checks: the share that was lost, over the last <see cref="Length"/>.</summary>
internal struct LossWindow
{
    /// <summary>The most checks remembered: enough to tell one lost in ten from none, and no older than the network is.</summary>
    public const int Length = 64;

    /// <summary>Losses in a row that count: a path that is gone for a second has an outage, not a loss of half its packets.</summary>
    private const int MaxInRow = 3;

    private ulong _lost; // The latest in the lowest bit.
    private int _inRow;

    /// <summary>Checks remembered.</summary>
    public int Samples { get; private set; }

    /// <summary>The share that was lost, 0 to 1.</summary>
    public readonly double Share => Samples == 0 ? 0 : (double)BitOperations.PopCount(_lost) / Samples;

    /// <summary>Adds the fate of one check.</summary>
    public void Add(bool isLost)
    {
        _inRow = isLost ? _inRow + 1 : 0;
        if (_inRow > MaxInRow) return;
        _lost = (_lost << 1) | (isLost ? 1UL : 0UL);
        if (Samples < Length) Samples++;
    }
}
