namespace NatLab;

/// <summary>The signals that the lab sends, by their numbers on Linux.</summary>
public enum UnixSignal
{
    HangUp = 1,
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
}
