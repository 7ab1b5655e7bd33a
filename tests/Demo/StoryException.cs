namespace Demo;

/// <summary>A scene did not come out as it should.</summary>
internal sealed class StoryException : Exception
{
    public StoryException(string message) : base(message) { }
    public StoryException(string message, Exception inner) : base(message, inner) { }
    public StoryException() { }
}
