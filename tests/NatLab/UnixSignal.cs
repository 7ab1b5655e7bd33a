namespace NatLab;

/// <summary>The signals that the lab sends, by their numbers on Linux.</summary>
public enum UnixSignal
{
    HangUp = 1,
    Interrupt = 2,
    Kill = 9,
    User1 = 10,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
