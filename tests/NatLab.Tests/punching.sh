#!/usr/bin/env bash
# Has a hard NAT and an easy one meet forty times on this kernel with the published programs, and says how many went directly, after how long (p50, p95) and with how many
# router entries; fails below nine in ten, or over 600 entries. As root; about seven minutes.
# Usage: tests/NatLab.Tests/punching.sh [TRIALS]
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin:/sbin" RELAY_PUBLISH_DIR="$PWD/artifacts/publish"
export RELAY_LAB_PUNCH_TRIALS="${1:-40}"

dotnet build tests/NatLab.Tests -c Release -v quiet -clp:ErrorsOnly
for project in Relay.Server:relay-server Node.Agent:relay-node; do
  dotnet publish "src/${project%%:*}" -c Release -v quiet -o "$RELAY_PUBLISH_DIR/${project##*:}"
done
exec dotnet artifacts/bin/NatLab.Tests/release/NatLab.Tests.dll -method "*meets_an_easy_one*" -showLiveOutput
