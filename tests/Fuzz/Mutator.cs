namespace Fuzz;

/// <summary>Makes new inputs of old ones: flips, cuts, repeats, splices, and the numbers that are always wrong.</summary>
public sealed class Mutator(int seed, IReadOnlyList<byte[]> corpus)
{
    private const int MaxLength = 4096;
    private const int MostSteps = 6;
    private static readonly byte[] Likely = [0, 1, 2, 3, 4, 0x14, 0x20, 0x26, 0x27, 0x28, 0x7f, 0x80, 0xfc, 0xff];

    private readonly Random _random = new(seed);

    /// <summary>An input that nobody has tried.</summary>
    public byte[] Next()
    {
        byte[] input = (byte[])Pick().Clone();
        for (int step = _random.Next(1, MostSteps + 1); step > 0; step--) input = Change(input);
        return input.Length > MaxLength ? input[..MaxLength] : input;
    }

    private byte[] Change(byte[] input)
    {
        if (input.Length == 0) return Bytes(_random.Next(1, 64));
        int at = _random.Next(input.Length);
        int end = Math.Min(input.Length, at + _random.Next(1, 24));
        switch (_random.Next(7))
        {
            case 0:
                input[at] ^= (byte)(1 << _random.Next(8));
                return input;
            case 1:
                input[at] = Likely[_random.Next(Likely.Length)];
                return input;
            case 2:
                return input[..at];
            case 3:
                return [.. input[..at], .. input[end..]];
            case 4:
                return [.. input[..end], .. input[at..]];
            case 5:
                byte[] other = Pick();
                return [.. input[..at], .. other[Math.Min(other.Length, _random.Next(32))..]];
            default:
                return WithHonestLength([.. input[..at], .. Bytes(_random.Next(16)), .. input[at..]]);
        }
    }

    /// <summary>What has the right length gets past the first check, to where there is more to go wrong.</summary>
    private static byte[] WithHonestLength(byte[] input)
    {
        if (input.Length < 20) return input;
        int length = (input.Length - 20) & ~3;
        input[2] = (byte)(length >> 8);
        input[3] = (byte)length;
        return input[..(20 + length)];
    }

    private byte[] Pick() => corpus.Count == 0 ? [] : corpus[_random.Next(corpus.Count)];

    private byte[] Bytes(int length)
    {
        byte[] bytes = new byte[length];
        _random.NextBytes(bytes);
        return bytes;
    }
}
