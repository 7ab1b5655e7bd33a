using Xunit.Sdk;
using Xunit.v3;

// Each lab wants the whole machine: two tunnels at once on two cores would measure each other.
[assembly: Parallelization(Mode = ParallelMode.None)]
