using System.Globalization;
using System.Net.Sockets;
using NatLab.Wire;

// A long cable: carries frames between two interfaces of its namespace, each a fixed time late, in order. The kernel here has no netem.
// Usage: natlab-wire INTERFACE INTERFACE DELAY-MS. Prints a line once frames pass; runs until it is ended.
if (args.Length != 3 || !double.TryParse(args[2], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double delay) || delay > 10_000)
{
    await Console.Error.WriteLineAsync("usage: natlab-wire INTERFACE INTERFACE DELAY-MS (0 to 10000, one way)");
    return 2;
}

try
{
    using PacketPort one = PacketPort.Open(args[0]);
    using PacketPort other = PacketPort.Open(args[1]);
    TimeSpan oneWay = TimeSpan.FromMilliseconds(delay);
    using DelayLine there = new(one, other, oneWay);
    using DelayLine back = new(other, one, oneWay);
    Thread[] threads = [.. there.Start(), .. back.Start()];
    Console.WriteLine("ready");
    foreach (Thread thread in threads) thread.Join();
    return 0;
}
catch (Exception exception) when (exception is SocketException or IOException)
{
    await Console.Error.WriteLineAsync($"natlab-wire: {args[0]} {args[1]}: {exception.Message}");
    return 1;
}
