#!/usr/bin/env bash
# Plays every pair of kinds of site in every weather, by as many seeds as are asked for, and writes one line a run:
# left, right, weather, seed, outcome, problem. Usage: tests/Simulation.Tests/matrix.sh [SEEDS] [FILE]
set -euo pipefail
cd "$(dirname "$0")/../.."
export SIMULATION_SEEDS=${1:-1} SIMULATION_MATRIX=${2:-$PWD/artifacts/simulation-matrix.txt}
dotnet build tests/Simulation.Tests -c Release -v quiet
mkdir -p "$(dirname "$SIMULATION_MATRIX")"
code=0
dotnet artifacts/bin/Simulation.Tests/release/Simulation.Tests.dll -explicit only -method Simulation.Tests.MatrixTests.The_whole_matrix_is_written_down || code=$?
awk -F '\t' '{ split($5, word, " "); kind = word[1] == "direct" ? "direct" : $5; count[$3 "  " kind]++; if ($6 != "") bad++ }
  END { for (line in count) print line ": " count[line]; print bad + 0 " of " NR " runs otherwise than they must" }' "$SIMULATION_MATRIX" | sort
echo "Written to $SIMULATION_MATRIX"
exit $code
