using Xunit.Sdk;
using Xunit.v3;

// Other people's programs are impatient: two labs at once on two cores would make them miss answers.
[assembly: Parallelization(Mode = ParallelMode.None)]
