using Relay.Server.Core;

namespace Relay.Server.Admission;

/// <summary>Says who may use the relay.</summary>
internal interface IAdmissionPolicy
{
    /// <summary>
    /// Decides upon a login. Most answers are there at once; the caller is to look, and to go on without waiting where one is. An answer
    /// that comes later comes on any thread, and belongs on the connection's own.
    /// </summary>
    /// <returns>The answer; where nobody can say, that is a refusal too.</returns>
    ValueTask<AdmissionDecision> DecideAsync(LoginRequest request);
}
