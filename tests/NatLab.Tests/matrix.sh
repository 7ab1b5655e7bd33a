#!/usr/bin/env bash
# Tries every pair of every kind of NAT on this kernel with the published programs, and prints the table with a summary; fails where a pair comes out otherwise than its NATs allow. As root; about ten minutes.
# Usage: tests/NatLab.Tests/matrix.sh [FILE [KIND[×KIND]]]     the table goes to FILE as well (default: artifacts/matrix.md); only the pairs of a kind, or one pair
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin:/sbin" RELAY_PUBLISH_DIR="$PWD/artifacts/publish"
export RELAY_LAB_MATRIX="$PWD/artifacts/matrix.md"
if [ $# -gt 0 ]; then RELAY_LAB_MATRIX=$(realpath "$1"); fi
export RELAY_LAB_MATRIX_ONLY="${2:-}"

dotnet build tests/NatLab.Tests -c Release -v quiet -clp:ErrorsOnly
for project in Relay.Server:relay-server Node.Agent:relay-node; do
  dotnet publish "src/${project%%:*}" -c Release -v quiet -o "$RELAY_PUBLISH_DIR/${project##*:}"
done
code=0
dotnet artifacts/bin/NatLab.Tests/release/NatLab.Tests.dll -method "*Every_pair_comes_out*" -showLiveOutput || code=$?
cat "$RELAY_LAB_MATRIX"
exit "$code"
