using Stun.Protocol;

namespace Stun.Server.Core;

/// <summary>What became of a request.</summary>
/// <param name="Length">The length of the answer in bytes; 0 where there is none, and the reason is counted.</param>
/// <param name="Change">From which socket it is to leave.</param>
/// <param name="Port">To which port of the source it goes; 0 for the one that asked.</param>
internal readonly record struct StunAnswer(int Length, ChangeRequest Change = default, ushort Port = 0)
{
    /// <summary>Says whether the answer goes back the way the request came, which nearly all do.</summary>
    public bool IsDirect => Port == 0 && Change == default;
}
