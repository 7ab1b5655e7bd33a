using System.Diagnostics;

namespace NatLab;

/// <summary>What a command that has ended left behind.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>Runs a program to its end, in bounded time.</summary>
public static class Command
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(15);

    /// <summary>Runs a program and returns what it printed.</summary>
    /// <exception cref="LabException">It could not start, took too long, or ended with another exit code than 0.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, string? input = null, TimeSpan? timeout = null)
    {
        CommandResult result = await TryRunAsync(command, input, timeout);
        if (result.ExitCode == 0) return result.Output;

        string said = $"{result.Output}{result.Error}".Trim();
        throw new LabException($"{string.Join(' ', command)}: exit code {result.ExitCode}: {said}{(input is null ? "" : $"\n{input}")}");
    }

    /// <summary>Runs a program and returns how it ended, whatever its exit code.</summary>
    /// <exception cref="LabException">It could not start, or took too long.</exception>
    public static async Task<CommandResult> TryRunAsync(
        IReadOnlyList<string> command, string? input = null, TimeSpan? timeout = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Start(command, environment);
        using CancellationTokenSource deadline = new(timeout ?? DefaultTimeout);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            Task<string> error = process.StandardError.ReadToEndAsync(deadline.Token);
            if (input is not null) await process.StandardInput.WriteAsync(input.AsMemory(), deadline.Token);
            process.StandardInput.Close();
            await process.WaitForExitAsync(deadline.Token);
            return new CommandResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new LabException($"{string.Join(' ', command)}: still running after {timeout ?? DefaultTimeout}");
        }
    }

    internal static Process Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment)
    {
        ProcessStartInfo start = new(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C"; // What is parsed here is English.
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new LabException($"{command[0]} does not start: {e.Message}", e);
        }
    }
}
