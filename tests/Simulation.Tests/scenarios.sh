#!/usr/bin/env bash
# Plays random scenarios by seed. Usage: tests/Simulation.Tests/scenarios.sh [HOW MANY] [FIRST SEED]
set -euo pipefail
cd "$(dirname "$0")/../.."
export SIMULATION_SCENARIOS=${1:-10000} SIMULATION_FIRST_SEED=${2:-1}
dotnet build tests/Simulation.Tests -c Release -v quiet
dotnet artifacts/bin/Simulation.Tests/release/Simulation.Tests.dll -explicit only \
  -method Simulation.Tests.RandomScenarioTests.Whatever_happens_what_must_hold_holds_in_as_many_scenarios_as_are_asked_for
