namespace NatLab;

/// <summary>The lab could not do what it was asked: a command failed, a process ended early, or something did not happen in time.</summary>
public sealed class LabException : Exception
{
    public LabException(string message) : base(message) { }
    public LabException(string message, Exception inner) : base(message, inner) { }
    public LabException() { }
}
