namespace Relay.Server.Hosting.Reloading;

/// <summary>Something the relay has read from files, and reads again on SIGHUP or when a file has changed.</summary>
/// <param name="Name">What it is, in words for the log and the metric: <c>certificate</c>.</param>
/// <param name="Files">The files to look at.</param>
/// <param name="LoadAsync">
/// Reads the files anew and puts what they say in the place of the old, whole or not at all. Throws a <see cref="FormatException"/>, an
/// <see cref="IOException"/> or what reading certificates throws, where they cannot be used: then the old stays.
/// </param>
internal sealed record Reloadable(string Name, IReadOnlyList<string> Files, Func<CancellationToken, Task> LoadAsync)
{
    /// <summary>Says that it decides who may use the relay: those inside, and those refused, are looked at anew.</summary>
    public bool ConcernsAdmission { get; init; }

    /// <summary>How often it is read again also if nothing has changed; null where files say when.</summary>
    public TimeSpan? Every { get; init; }

    /// <summary>Makes one that is read at once.</summary>
    public static Reloadable Of(string name, IReadOnlyList<string> files, Action load) => new(name, files, _ =>
    {
        load();
        return Task.CompletedTask;
    });
}
