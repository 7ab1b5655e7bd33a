#!/usr/bin/env bash
# Shows the main job: two machines behind NATs, a tunnel that is relayed at once and direct a moment later, and what becomes of it.
# As root on Linux: in network namespaces, with the real programs; nothing of it touches this machine's network. Otherwise, or with
# --simulated: in a simulated network, and it says so. The exit code is not 0 if a scene does not come out as it should.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin:/sbin"

if [ $# -eq 0 ]; then
  scripts/install-dependencies.sh
  export RELAY_PUBLISH_DIR="$PWD/artifacts/publish"
fi

echo "Building (a minute the first time)"
dotnet build tests/Demo -c Release -v quiet -clp:ErrorsOnly
if [ $# -eq 0 ] && [ "$(id -u)" -eq 0 ]; then
  for project in Relay.Server:relay-server Node.Agent:relay-node; do
    dotnet publish "src/${project%%:*}" -c Release -v quiet -o "$RELAY_PUBLISH_DIR/${project##*:}"
  done
fi

exec dotnet artifacts/bin/Demo/release/Demo.dll "$@"
