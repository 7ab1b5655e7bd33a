namespace Fuzz.Tests;

public sealed class CorpusTests
{
    private const int MutatedInputs = 20_000;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_input_of_the_corpus_and_every_beginning_of_it_passes(string name)
    {
        FuzzTarget target = FuzzTarget.All.Single(target => target.Name == name);
        string[] files = [.. target.CorpusFiles];
        Assert.NotEmpty(files);

        foreach (string file in files)
        {
            byte[] input = File.ReadAllBytes(file);
            Pass(target, input, file);
            for (int length = 0; length < Math.Min(input.Length, 256); length++) Pass(target, input[..length], $"the first {length} bytes of {file}");
        }
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void Inputs_made_of_the_corpus_pass(string name)
    {
        FuzzTarget target = FuzzTarget.All.Single(target => target.Name == name);
        int seed = Environment.TickCount;
        var mutator = new Mutator(seed, [.. target.CorpusFiles.Select(File.ReadAllBytes)]);
        for (int i = 0; i < MutatedInputs; i++)
        {
            byte[] input = mutator.Next();
            Pass(target, input, $"input {i} of seed {seed}: {Convert.ToHexString(input)}");
        }
    }

    private static void Pass(FuzzTarget target, byte[] input, string what)
    {
        Exception? exception = Record.Exception(() => target.Fuzz(input));
        Assert.True(exception is null, $"{what}\n{exception}");
    }
}
