namespace NatLab;

/// <summary>Finds our programs as an operator would have them: published, not run from the build.</summary>
public static class PublishedPrograms
{
    /// <summary>Names the directory that holds <c>relay-server/relay-server</c> and its like. Without it, the repository's own is used and brought up to date.</summary>
    private const string DirectoryVariable = "RELAY_PUBLISH_DIR";

    private static readonly TimeSpan PublishTimeout = TimeSpan.FromMinutes(5);
    private static readonly Lazy<Task<string>> Directory = new(FindDirectoryAsync);
    private static readonly (string Name, string Project)[] Programs = [("relay-server", "Relay.Server"), ("stun-server", "Stun.Server"), ("relay-node", "Node.Agent")];

    /// <summary>The path of a published program.</summary>
    /// <exception cref="LabException">It is not there and cannot be published.</exception>
    public static async Task<string> PathOfAsync(string name)
    {
        string path = Path.Combine(await Directory.Value, name, name);
        return File.Exists(path) ? path : throw new LabException($"there is no {path}: publish the programs ({DirectoryVariable}, ./test.sh)");
    }

    private static async Task<string> FindDirectoryAsync()
    {
        if (Environment.GetEnvironmentVariable(DirectoryVariable) is { Length: > 0 } given) return Path.GetFullPath(given);

        string repository = FindRepository();
        string target = Path.Combine(repository, "artifacts", "publish");
        // Also when they are there: a test of yesterday's program proves nothing. Nothing to do costs a second or two each.
        foreach ((string name, string project) in Programs)
        {
            string[] command = ["dotnet", "publish", Path.Combine(repository, "src", project), "-c", "Release", "-v", "quiet", "-o", Path.Combine(target, name)];
            await Command.RunAsync(command, timeout: PublishTimeout);
        }
        return target;
    }

    private static string FindRepository()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Relay.sln"))) return at.FullName;
        }
        throw new LabException($"no directory above {AppContext.BaseDirectory} holds Relay.sln: say in {DirectoryVariable} where the programs are");
    }
}
