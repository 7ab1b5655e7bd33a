using System.Globalization;

namespace Fuzz;

/// <summary>By hand: <c>dotnet run --project tests/Fuzz -c Release -- TARGET [MILLIONS] [SEED]</c>. Keeps an input that fails, and ends with 1.</summary>
public static class Program
{
    private const int PerMillion = 1_000_000;

    public static int Main(string[] arguments)
    {
        FuzzTarget? target = FuzzTarget.All.FirstOrDefault(target => arguments.Length > 0 && target.Name == arguments[0]);
        if (target is null || !TryNumber(arguments, 1, 1, out int millions) || !TryNumber(arguments, 2, Environment.TickCount, out int seed))
        {
            Console.Error.WriteLine($"usage: Fuzz TARGET [MILLIONS] [SEED]; targets: {string.Join(", ", FuzzTarget.All.Select(known => known.Name))}");
            return 2;
        }

        Console.WriteLine($"{target.Name}: {millions} million inputs from seed {seed}");
        var mutator = new Mutator(seed, [.. target.CorpusFiles.Select(File.ReadAllBytes)]);
        for (long i = 0; i < (long)millions * PerMillion; i++)
        {
            byte[] input = mutator.Next();
            try
            {
                target.Fuzz(input);
            }
#pragma warning disable CA1031 // Whatever it throws is what is looked for.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                string file = Path.GetFullPath($"{target.Name}-{seed}-{i}.bin");
                File.WriteAllBytes(file, input);
                Console.Error.WriteLine($"input {i} of seed {seed}: {exception}\nkept in {file}: put it into tests/Fuzz/corpora/{target.Name} once it is mended");
                return 1;
            }

            if (i % PerMillion == PerMillion - 1) Console.WriteLine($"{(i + 1) / PerMillion} million");
        }

        return 0;
    }

    private static bool TryNumber(string[] arguments, int index, int fallback, out int number)
    {
        number = fallback;
        return arguments.Length <= index || int.TryParse(arguments[index], NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
