using Node.Traversal.Io;

namespace Node.Traversal.Tests.Io;

public class LinuxTableTests
{
    [Fact]
    public void A_table_is_read_line_by_line_and_one_that_is_not_there_is_empty()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "These tables are Linux's.");

        Assert.StartsWith("Iface", LinuxTable.Read(LinuxTable.Ipv4Routes).First(), StringComparison.Ordinal);
        Assert.Empty(LinuxTable.Read("/proc/net/no-such-table"));
        Assert.Empty(LinuxTable.Read("/proc/self")); // A directory.
    }
}
