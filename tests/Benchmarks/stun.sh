#!/usr/bin/env bash
# STUN, side by side: ours, the least a C program does (udpecho), Debian's coturn and stun-server. Server on core 0, load on core 1, interleaved;
# every answer is checked. Needs two cores, gcc, the .NET SDK, and for the peers: apt-get install coturn stun-server.
#
#   stun.sh              five rounds (4 minutes), then the table of medians
#   stun.sh round [N]    N rounds more, added to artifacts/bench/stun.log
#   stun.sh table        the table of what is in there
set -euo pipefail
cd "$(dirname "$0")/../.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 PATH="$PATH:/usr/sbin"
bench=$PWD/artifacts/bench
log=$bench/stun.log
port=4100
seconds=3
declare -A pid_of=() port_of=()
names=()

# serve NAME COMMAND...: starts a server on core 0; PORT in its command is the one it gets.
serve() {
  local name=$1
  shift
  port=$((port + 2)) # The classic server takes the next one, too.
  taskset -c 0 "${@//PORT/$port}" >"$bench/$name.out" 2>&1 &
  pid_of[$name]=$!
  port_of[$name]=$port
  names+=("$name")
}

stop_all() {
  for name in "${names[@]}"; do kill "${pid_of[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
}

start_all() {
  make -s -C tests/Benchmarks/generators stun
  dotnet publish src/Stun.Server -c Release -v quiet -o "$bench/stun-server"
  trap stop_all EXIT
  serve limit "$bench/udpecho" -S -b 32 -p PORT
  serve ours "$bench/stun-server/stun-server" --listen 127.0.0.1:PORT --threads 1
  serve ours-2 "$bench/stun-server/stun-server" --listen 127.0.0.1:PORT --threads 2
  if command -v turnserver >/dev/null; then
    serve coturn turnserver -n -S -L 127.0.0.1 -p PORT -m 1 --no-tls --no-dtls --no-cli --no-stdout-log --log-file /dev/null --pidfile "$bench/coturn.pid" --userdb "$bench/coturn.db"
  fi
  if command -v stund >/dev/null; then
    serve stund stund -h 127.0.0.1 -a 127.0.0.2 -p PORT -o $((port + 3))
  fi
  sleep 2
  for name in "${names[@]}"; do
    kill -0 "${pid_of[$name]}" 2>/dev/null || { echo "$name did not start:" >&2; cat "$bench/$name.out" >&2; exit 1; }
    load "$name" warm -m 16 -w 16 -d 1 -W 1 >/dev/null # Until the compiler is done, and every page is there.
  done
}

load() {
  local name=$1 kind=$2
  shift 2
  taskset -c 1 "$bench/stunblast" -p "${port_of[$name]}" -P "${pid_of[$name]}" -t "$name $kind" "$@"
}

round() {
  for name in "${names[@]}"; do load "$name" saturated -m 16 -w 16 -d $seconds -W 0.5 | tee -a "$log"; done
  for name in "${names[@]}"; do load "$name" open -m 64 -r 50000 -d $seconds -W 0.5 | tee -a "$log"; done
  for name in "${names[@]}"; do load "$name" burst -m 1 -w 256 -b 256 -x 10 | tee -a "$log"; done
}

# value NAME KIND FIELD: the median of a field.
value() { grep "^$1 $2 " "$log" | sed -E "s|.* $3=([0-9.]+).*|\1|" | sort -n | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

table() {
  [ -s "$log" ] || { echo "nothing is measured yet: run $0" >&2; exit 1; }
  local limit_saturated limit_open saturated open
  limit_saturated=$(value limit saturated srv_us/req) limit_open=$(value limit open srv_us/req)
  echo "| server | answers/s, one core | CPU µs/request, saturated | × limit | CPU µs/request, 50 k/s | × limit | p50 / p99 µs, 50 k/s | lost of 256 at once |"
  echo "|---|---|---|---|---|---|---|---|"
  for name in limit ours ours-2 coturn stund; do
    saturated=$(value $name saturated srv_us/req) open=$(value $name open srv_us/req)
    [ -n "$saturated" ] || continue
    echo "| $name | $(value $name saturated resp/s) | $saturated | $(ratio "$saturated" "$limit_saturated") | $open | $(ratio "$open" "$limit_open") | $(value $name open p50) / $(value $name open p99) | $(value $name burst lost) |"
  done
}

case ${1:-all} in
  all)
    mkdir -p "$bench"
    rm -f "$log"
    start_all
    for _ in 1 2 3 4 5; do round; done
    table
    ;;
  round)
    mkdir -p "$bench"
    start_all
    for _ in $(seq "${2:-1}"); do round; done
    ;;
  table) table ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
