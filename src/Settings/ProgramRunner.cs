using System.Collections;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Settings;

/// <summary>
/// Runs a program from its command line to its exit code: answers <c>--help</c> and <c>--version</c>, turns a bad setting into one
/// sentence on stderr and exit code 2, and SIGTERM or SIGINT into cancellation. The second signal ends the process at once.
/// </summary>
public static class ProgramRunner
{
    private const int Failure = 1;
    private const int SignalBase = 128; // A shell's convention: 128 + the number of the signal.

    /// <summary>Runs a program without commands.</summary>
    public static Task<int> RunAsync(OptionSet options, string[] arguments, Func<ParsedOptions, CancellationToken, Task<int>> run) =>
        GuardAsync(() => RunAsync(options, arguments.AsMemory(), run));

    /// <summary>Runs a program with commands.</summary>
    public static Task<int> RunAsync(CommandSet commands, string[] arguments) => GuardAsync(() =>
    {
        var command = commands.Find(arguments.FirstOrDefault(), out string? answer);
        return command is var (options, run) ? RunAsync(options, arguments.AsMemory(1), run) : AnswerAsync(answer);
    });

    /// <summary>Runs anything that may throw an <see cref="OptionException"/>, with a token that SIGTERM and SIGINT cancel.</summary>
    public static Task<int> RunAsync(Func<CancellationToken, Task<int>> run) => GuardAsync(() => RunUntilSignalAsync(run));

    private static Task<int> RunAsync(OptionSet options, ReadOnlyMemory<string> arguments, Func<ParsedOptions, CancellationToken, Task<int>> run)
    {
        ParsedOptions values = options.Parse(arguments.ToArray(), CurrentEnvironment());
        foreach (string warning in values.Warnings) Console.Error.WriteLine(warning);
        return values.Answer is { } answer ? AnswerAsync(answer) : RunUntilSignalAsync(stopping => run(values, stopping));
    }

    private static async Task<int> RunUntilSignalAsync(Func<CancellationToken, Task<int>> run)
    {
        using CancellationTokenSource stopping = new();
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Stop(signal, stopping, number: 15));
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Stop(signal, stopping, number: 2));
        try
        {
            return await run(stopping.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return 0; // What was asked for.
        }
    }

    private static void Stop(PosixSignalContext signal, CancellationTokenSource stopping, int number)
    {
        if (stopping.IsCancellationRequested) Environment.Exit(SignalBase + number);
        signal.Cancel = true;
        stopping.Cancel();
    }

    private static async Task<int> GuardAsync(Func<Task<int>> run)
    {
        try
        {
            return await run();
        }
        catch (OptionException exception)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return OptionException.ExitCode;
        }
        catch (Exception exception) when (exception is IOException or SocketException or UnauthorizedAccessException)
        {
            // The machine says no: a port that is taken, a directory that is closed. The sentence helps; a stack trace does not.
            await Console.Error.WriteLineAsync(exception.Message);
            return Failure;
        }
    }

    private static async Task<int> AnswerAsync(string? answer)
    {
        await Console.Out.WriteLineAsync(answer);
        return 0;
    }

    /// <summary>The environment of the process, for a program that reads its settings again.</summary>
    public static IReadOnlyDictionary<string, string> CurrentEnvironment() =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(entry => (string)entry.Key, entry => (string?)entry.Value ?? "", StringComparer.Ordinal);
}
