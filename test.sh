#!/usr/bin/env bash
# Builds everything and runs every test. Ends with "N passed, N failed, N skipped"; fails where a test fails, or where none ran.
# As root on Linux it installs what the kernel lab needs, by name; elsewhere those tests are skipped and say why.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin:/sbin"

scripts/install-dependencies.sh

results=artifacts/test-results
rm -rf "$results"
mkdir -p "$results"

echo "Building"
dotnet build Relay.sln -c Release -v quiet

# The lab runs the programs as an operator would have them. Which ones: the folder and what it publishes.
export RELAY_PUBLISH_DIR="$PWD/artifacts/publish"
for project in Relay.Server:relay-server Stun.Server:stun-server Node.Agent:relay-node; do
  dotnet publish "src/${project%%:*}" -c Release -v quiet -o "$RELAY_PUBLISH_DIR/${project##*:}"
done

# One after the other: tests of the kernel lab and of sockets want the machine's two cores for themselves.
passed=0 failed=0 skipped=0 broken=()
for project in tests/*.Tests; do
  name=$(basename "$project")
  started=$SECONDS
  log="$results/$name.log"
  code=0
  dotnet test --project "$project" -c Release --no-build --results-directory "$PWD/$results" --report-trx --report-trx-filename "$name.trx" >"$log" 2>&1 || code=$?

  trx="$results/$name.trx"
  if [ ! -f "$trx" ]; then
    broken+=("$name")
    tail -n 40 "$log"
    continue
  fi
  counters=$(grep -o '<Counters [^>]*' "$trx")
  count() { sed -E "s/.* $1=\"([0-9]+)\".*/\1/" <<<"$counters"; }
  total=$(count total) ok=$(count passed) bad=$(count failed)
  rest=$((total - ok - bad))
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + rest))
  printf '%-26s %5d passed %3d failed %3d skipped  %4d s\n' "$name" "$ok" "$bad" "$rest" $((SECONDS - started))
  if [ "$code" -ne 0 ]; then
    broken+=("$name")
    grep -vE '^ +at (System|Xunit|Microsoft)\.' "$log" | tail -n 60
  elif [ "$rest" -gt 0 ]; then
    grep -E '^skipped ' "$log" | sed 's/^/  /' || true
  fi
done

[ ${#broken[@]} -eq 0 ] || echo "Not well: ${broken[*]}"
[ "$failed" -gt 0 ] || failed=${#broken[@]} # A project that did not run at all counts as one failure.
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
