namespace Node.Traversal.Core.Punching;

/// <summary>How far the agreement with the peer on a round has come.</summary>
internal enum PunchPhase
{
    /// <summary>None is sought.</summary>
    Idle,

    /// <summary>The ports of a new socket are being asked for.</summary>
    Sampling,

    /// <summary>Our offer is out.</summary>
    Offered,

    /// <summary>Our answer is out: the other end says when.</summary>
    Answered,

    /// <summary>The round is under way.</summary>
    Running,
}
