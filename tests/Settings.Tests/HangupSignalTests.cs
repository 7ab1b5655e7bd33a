namespace Settings.Tests;

public class HangupSignalTests
{
    [Fact]
    public void A_signal_that_comes_before_anybody_listens_is_kept_once()
    {
        using HangupSignal hangup = new();
        int calls = 0;
        hangup.Handle();
        hangup.Handle();

        hangup.Listen(() => calls++);
        Assert.Equal(1, calls);

        hangup.Handle();
        Assert.Equal(2, calls);
    }
}
