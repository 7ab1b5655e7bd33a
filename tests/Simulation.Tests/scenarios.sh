#!/usr/bin/env bash
# Plays random scenarios by seed, between any sites or behind two given NATs.
# Usage: tests/Simulation.Tests/scenarios.sh [HOW MANY] [FIRST SEED] [LEFT RIGHT], these as in edm-adf+kept eim-adf+early
set -euo pipefail
cd "$(dirname "$0")/../.."
export SIMULATION_SCENARIOS=${1:-10000} SIMULATION_FIRST_SEED=${2:-1} SIMULATION_LEFT=${3:-} SIMULATION_RIGHT=${4:-}
dotnet build tests/Simulation.Tests -c Release -v quiet
dotnet artifacts/bin/Simulation.Tests/release/Simulation.Tests.dll -explicit only -showLiveOutput \
  -method Simulation.Tests.RandomScenarioTests.Whatever_happens_what_must_hold_holds_in_as_many_scenarios_as_are_asked_for
