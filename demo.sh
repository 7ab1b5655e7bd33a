#!/usr/bin/env bash
# The main job in one command: a WireGuard tunnel between two NATs, relayed at once and direct a moment later.
# As root on Linux it runs in network namespaces; elsewhere the same story is told in a simulated network, and it says so.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin:/sbin"

scripts/install-dependencies.sh
echo "Building"
dotnet build tests/Demo -c Release -v quiet --nologo
exec dotnet artifacts/bin/Demo/release/Demo.dll "$@"
