#!/usr/bin/env bash
# Prints how fairly a slow destination's queue is shared: Jain's index of a hundred mice and their p50 and p99, without and with an elephant of
# ten times the link. Takes about twenty seconds; needs tests/Relay.Server.Tests built in Release.
set -euo pipefail
cd "$(dirname "$0")/../../.."
dotnet artifacts/bin/Relay.Server.Tests/release/Relay.Server.Tests.dll -class Relay.Server.Tests.FairnessEndToEndTests -showLiveOutput | grep -E "mice|Failed:|FAIL"
