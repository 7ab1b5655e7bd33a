using Relay.Server.Core;

namespace Relay.Server.Admission;

/// <summary>Lets anybody in.</summary>
internal sealed class OpenAdmission : IAdmissionPolicy
{
    public ValueTask<AdmissionDecision> DecideAsync(LoginRequest request) => ValueTask.FromResult(AdmissionDecision.Open);
}
